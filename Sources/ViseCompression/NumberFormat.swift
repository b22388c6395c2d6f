public import ViseTensor

/// How the values of a treated site are stored.
public enum NumberFormat: Hashable, Sendable {
  /// A float or block type of the GGUF format.
  case ggml(StorageType)

  /// The ggml types Vise can encode, from most to fewest bits per weight.
  public static let encodable: [StorageType] = [
    .f16, .bf16, .q8_0, .q6_K, .q5_1, .q5_K, .q5_0, .q4_1, .q4_K, .q4_0, .iq4_NL, .q3_K, .q2_K,
  ]

  /// The name used in plans and on the screen, such as `q4_K`.
  public var name: String {
    switch self {
    case .ggml(let type): type.name
    }
  }

  /// The encodable format called `name`, ignoring case.
  public init?(name: String) {
    guard let type = StorageType(name: name), Self.encodable.contains(type) else { return nil }
    self = .ggml(type)
  }

  /// Storage per weight in bits, scales included.
  public var bitsPerWeight: Double {
    switch self {
    case .ggml(let type): type.bitsPerWeight
    }
  }

  /// Exact bytes of a `rows` × `columns` weight, or `nil` where a row is no whole number of blocks.
  public func byteCount(rows: Int, columns: Int) -> Int? {
    switch self {
    case .ggml(let type):
      guard columns % type.blockLength == 0 else { return nil }
      return type.byteCount(elements: rows * columns)
    }
  }
}

extension NumberFormat {
  /// The type its values have in a GGUF file.
  public var storageType: StorageType {
    switch self {
    case .ggml(let type): type
    }
  }
}
