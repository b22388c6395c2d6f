/// What the elements of a tensor are; the raw values are ONNX's.
@frozen public enum ElementType: Int32, CaseIterable, Hashable, Sendable {
  case float32 = 1
  case uint8 = 2
  case int8 = 3
  case uint16 = 4
  case int16 = 5
  case int32 = 6
  case int64 = 7
  case string = 8
  case bool = 9
  case float16 = 10
  case float64 = 11
  case uint32 = 12
  case uint64 = 13
  case complex64 = 14
  case complex128 = 15
  case bfloat16 = 16
  case float8E4M3FN = 17
  case float8E4M3FNUZ = 18
  case float8E5M2 = 19
  case float8E5M2FNUZ = 20
  case uint4 = 21
  case int4 = 22
  case float4E2M1 = 23
  case float8E8M0 = 24
  case uint2 = 25
  case int2 = 26

  /// Bits of an element in a file, where elements of fewer than 8 bits share bytes; 0 for strings.
  @inlinable public var bitCount: Int {
    switch self {
    case .string: 0
    case .uint2, .int2: 2
    case .uint4, .int4, .float4E2M1: 4
    case .uint8, .int8, .bool, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ,
      .float8E8M0:
      8
    case .uint16, .int16, .float16, .bfloat16: 16
    case .float32, .int32, .uint32: 32
    case .float64, .int64, .uint64, .complex64: 64
    case .complex128: 128
    }
  }

  /// Bytes of an element in memory, where each has bytes of its own.
  @inlinable public var byteCount: Int { max(1, bitCount / 8) }

  /// The name tools print, such as `float32` or `int4`.
  public var name: String {
    switch self {
    case .float8E4M3FN: "float8e4m3fn"
    case .float8E4M3FNUZ: "float8e4m3fnuz"
    case .float8E5M2: "float8e5m2"
    case .float8E5M2FNUZ: "float8e5m2fnuz"
    case .float4E2M1: "float4e2m1"
    case .float8E8M0: "float8e8m0"
    default: String(describing: self)
    }
  }

  /// Whether tensors of this type can be computed with.
  public var isComputable: Bool {
    switch self {
    case .float32, .float64, .float16, .bfloat16, .bool, .uint8, .int8, .uint16, .int16, .uint32,
      .int32, .uint64, .int64, .uint4, .int4:
      true
    default: false
    }
  }

  public var isFloating: Bool {
    switch self {
    case .float32, .float64, .float16, .bfloat16: true
    default: false
    }
  }
}
