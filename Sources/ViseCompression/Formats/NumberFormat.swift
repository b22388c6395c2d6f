public import ViseTensor

/// How the values of a treated site are stored.
public enum NumberFormat: Hashable, Sendable {
  /// A float or block type of the GGUF format.
  case ggml(StorageType)
  /// Integer codes with a scale, and a zero point where asymmetric, per group.
  case integer(IntegerFormat)
  /// Integer codes with a scale and a real offset per group.
  case offset(OffsetFormat)
  /// Floats of 4 to 8 bits times a scale: fp8, fp6, fp4 and their microscaled forms.
  case float(FloatFormat)
  /// e2m1 floats with block scales that are floats of 8 bits: NVFP4.
  case blockFloat(BlockFloatFormat)
  /// Quantiles of a normal distribution: NF4.
  case normalFloat(NormalFloatFormat)
  /// Block-wise dynamic 8-bit.
  case dynamic(DynamicFormat)
  /// Levels on a power law.
  case power(PowerFormat)
  /// Levels of a Laplace compander.
  case compand(CompandFormat)
  /// A sum of integer terms.
  case residual(ResidualFormat)
  /// 4-bit groups on an int8 grid.
  case dualGrained(DualGrainedFormat)
  /// Integers of more bits in the first columns.
  case split(SplitFormat)
  /// Integers with a low-rank branch.
  case branch(BranchFormat)
  /// Segments of columns with bits of their own.
  case segmented(SegmentedFormat)
  /// Palettes of k-means.
  case palette(PaletteFormat)
  /// Vector codebooks.
  case vector(VectorFormat)
  /// Pyramid vector quantization.
  case pyramid(PyramidFormat)

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
    case .offset(let format): format
    case .float(let format): format
    case .blockFloat(let format): format
    case .normalFloat(let format): format
    case .dynamic(let format): format
    case .power(let format): format
    case .compand(let format): format
    case .residual(let format): format
    case .dualGrained(let format): format
    case .split(let format): format
    case .branch(let format): format
    case .segmented(let format): format
    case .palette(let format): format
    case .vector(let format): format
    case .pyramid(let format): format
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
    guard let base = words.first.map(String.init) else { return nil }
    let options = words.dropFirst().map(String.init)
    let found =
      Self.uniform(base, options) ?? Self.float(base, options) ?? Self.nonuniform(base, options)
      ?? Self.codebook(base, options)
    guard let found else { return nil }
    self = found
  }

  private static func uniform(_ base: String, _ options: [String]) -> NumberFormat? {
    IntegerFormat(base: base, options: options).map(Self.integer)
      ?? OffsetFormat(base: base, options: options).map(Self.offset)
      ?? ResidualFormat(base: base, options: options).map(Self.residual)
      ?? DualGrainedFormat(base: base, options: options).map(Self.dualGrained)
      ?? SplitFormat(base: base, options: options).map(Self.split)
      ?? BranchFormat(base: base, options: options).map(Self.branch)
      ?? SegmentedFormat(base: base, options: options).map(Self.segmented)
  }

  private static func float(_ base: String, _ options: [String]) -> NumberFormat? {
    FloatFormat(base: base, options: options).map(Self.float)
      ?? BlockFloatFormat(base: base, options: options).map(Self.blockFloat)
      ?? DynamicFormat(base: base, options: options).map(Self.dynamic)
  }

  private static func nonuniform(_ base: String, _ options: [String]) -> NumberFormat? {
    NormalFloatFormat(base: base, options: options).map(Self.normalFloat)
      ?? PowerFormat(base: base, options: options).map(Self.power)
      ?? CompandFormat(base: base, options: options).map(Self.compand)
  }

  private static func codebook(_ base: String, _ options: [String]) -> NumberFormat? {
    PaletteFormat(base: base, options: options).map(Self.palette)
      ?? VectorFormat(base: base, options: options).map(Self.vector)
      ?? PyramidFormat(base: base, options: options).map(Self.pyramid)
  }

  /// Storage per weight in bits, scales included, for rows of many groups.
  public var bitsPerWeight: Double {
    // A frame asks this of hundreds of layers: no box for the types it mostly meets.
    if case .ggml(let type) = self { type.bitsPerWeight } else { codec.bitsPerWeight }
  }

  /// Why rows of `columns` cannot be stored, or `nil` where they can.
  public func misfit(columns: Int) -> String? { codec.misfit(columns: columns) }

  /// Whether rows of `columns` can be stored.
  public func fits(columns: Int) -> Bool {
    if case .ggml(let type) = self { return columns % type.blockLength == 0 }
    return misfit(columns: columns) == nil
  }

  /// Exact bytes of a `rows` × `columns` weight, or `nil` where the rows do not fit.
  public func byteCount(rows: Int, columns: Int) -> Int? {
    if case .ggml(let type) = self {
      return fits(columns: columns) ? type.byteCount(elements: rows * columns) : nil
    }
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
