public import ViseTensor

/// How the values of a treated site are stored.
public enum NumberFormat: Hashable, Sendable {
  /// A float or block type of the GGUF format.
  case ggml(StorageType)
  /// Integer codes with a scale, and a zero point where asymmetric, per group.
  case integer(IntegerFormat)

  /// The ggml types Vise can encode, from most to fewest bits per weight.
  public static let encodable: [StorageType] = [
    .f16, .bf16, .q8_0, .q6_K, .q5_1, .q5_K, .q5_0, .q4_1, .q4_K, .q4_0, .iq4_NL, .iq4_XS, .mxfp4,
    .q3_K, .iq3_S, .iq3_XXS, .q2_K, .iq2_S, .iq2_XS, .iq2_XXS, .tq2_0, .iq1_M, .tq1_0, .iq1_S,
  ]

  /// The widely known types: what is stepped through, and what stands in where another does not fit.
  ///
  /// The others of `encodable` must be asked for by name.
  public static let common: [StorageType] = [
    .f16, .bf16, .q8_0, .q6_K, .q5_1, .q5_K, .q5_0, .q4_1, .q4_K, .q4_0, .iq4_NL, .q3_K, .q2_K,
  ]

  /// What encodes and decodes the format's values.
  public var codec: any WeightCodec {
    switch self {
    case .ggml(let type): GGMLCodec(type: type)
    case .integer(let format): format
    }
  }

  /// The name used in plans and on the screen, such as `q4_K` or `int4:g128`.
  public var name: String { codec.name }

  /// The encodable format called `name`, ignoring case.
  public init?(name: String) {
    if let type = StorageType(name: name) {
      guard Self.encodable.contains(type) else { return nil }
      self = .ggml(type)
      return
    }
    let words = name.lowercased().split(separator: ":", omittingEmptySubsequences: false)
    guard let base = words.first else { return nil }
    let options = words.dropFirst().map(String.init)
    if let format = IntegerFormat(base: String(base), options: options) {
      self = .integer(format)
    } else {
      return nil
    }
  }

  /// Storage per weight in bits, scales included, for rows of many groups.
  public var bitsPerWeight: Double { codec.bitsPerWeight }

  /// Why rows of `columns` cannot be stored, or `nil` where they can.
  public func misfit(columns: Int) -> String? { codec.misfit(columns: columns) }

  /// Exact bytes of a `rows` × `columns` weight, or `nil` where the rows do not fit.
  public func byteCount(rows: Int, columns: Int) -> Int? {
    guard misfit(columns: columns) == nil else { return nil }
    return codec.layout(rows: rows, columns: columns).reduce(0) { $0 + $1.byteCount }
  }

  /// Whether `method` can choose its values.
  public func supports(_ method: Method) -> Bool {
    codec.methods.contains(method)
  }

  /// The type its values have in a GGUF file, or `nil` where GGUF has none.
  public var storageType: StorageType? {
    if case .ggml(let type) = self { type } else { nil }
  }
}
