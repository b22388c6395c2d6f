/// How the elements of a tensor lie in a file: ggml's types, which also cover safetensors' floats.
///
/// The raw values are the type ids of the GGUF format.
public enum StorageType: UInt32, CaseIterable, Hashable, Sendable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q8_1 = 9
  case q2_K = 10
  case q3_K = 11
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case q8_K = 15
  case iq2_XXS = 16
  case iq2_XS = 17
  case iq3_XXS = 18
  case iq1_S = 19
  case iq4_NL = 20
  case iq3_S = 21
  case iq2_S = 22
  case iq4_XS = 23
  case i8 = 24
  case i16 = 25
  case i32 = 26
  case i64 = 27
  case f64 = 28
  case iq1_M = 29
  case bf16 = 30
  case tq1_0 = 34
  case tq2_0 = 35
  case mxfp4 = 39

  /// The name ggml's tools print, such as `q4_K` or `iq2_XXS`.
  public var name: String { String(describing: self) }

  /// The type whose `name` is `name`, ignoring case.
  public init?(name: String) {
    let wanted = name.lowercased()
    guard let found = Self.allCases.first(where: { $0.name.lowercased() == wanted }) else {
      return nil
    }
    self = found
  }

  /// Elements in one block; a row holds a whole number of blocks.
  public var blockLength: Int {
    switch self {
    case .f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q8_1, .iq4_NL, .mxfp4: 32
    default: 256
    }
  }

  /// Bytes of one block.
  public var blockByteCount: Int {
    switch self {
    case .i8: 1
    case .f16, .bf16, .i16: 2
    case .f32, .i32: 4
    case .f64, .i64: 8
    case .mxfp4: 17
    case .q4_0, .iq4_NL: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .q8_1: 40
    case .iq1_S: 50
    case .tq1_0: 54
    case .iq1_M: 56
    case .iq2_XXS, .tq2_0: 66
    case .iq2_XS: 74
    case .iq2_S: 82
    case .q2_K: 84
    case .iq3_XXS: 98
    case .q3_K, .iq3_S: 110
    case .iq4_XS: 136
    case .q4_K: 144
    case .q5_K: 176
    case .q6_K: 210
    case .q8_K: 292
    }
  }

  /// Storage per element in bits, scales included.
  public var bitsPerWeight: Double {
    Double(blockByteCount * 8) / Double(blockLength)
  }

  /// Bytes of `elements` elements, or `nil` where they are no whole number of blocks or overflow.
  public func byteCount(elements: Int) -> Int? {
    guard elements >= 0, elements % blockLength == 0 else { return nil }
    let (bytes, overflow) = (elements / blockLength).multipliedReportingOverflow(by: blockByteCount)
    return overflow ? nil : bytes
  }
}
