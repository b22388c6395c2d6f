public import ViseTensor

/// A grid codec whose levels are a fixed table times a scale, and about a centre where it has one.
///
/// Parts: `codes`; `scales` and, where centred, `centres` F16, both [rows, spans], or [1, 1] for a
/// tensor. x̂ = table[code] · scale (+ centre), each operation rounded to float32.
public protocol TableCodec: GridCodec {
  /// The unit levels, ascending.
  var table: [Float] { get }
  var granularity: Granularity { get }
  var scaleType: ScaleType { get }
  /// Whether levels lie about a centre of the span's own.
  var isCentred: Bool { get }
  /// Where the search for a centre begins.
  var firstCentre: FirstCentre { get }
  /// Whether the table is stored too, F32 `table` [levels], for readers that cannot compute it.
  var storesTable: Bool { get }
  /// Scales to try, in units of the one that lets the table reach the largest magnitude.
  var scaleFactors: [Float] { get }
}

/// Where the search for a span's centre begins.
public enum FirstCentre: Hashable, Sendable {
  /// In the middle of the narrowest range that holds half the values.
  case densest
  /// In the middle between the extremes.
  case midrange
}

/// How scales are stored.
public enum ScaleType: Hashable, Sendable {
  case half
  case float
  /// A byte e that stands for 2^(e − 127): E8M0 of the OCP microscaling formats.
  case powerOfTwo

  var partType: PartType {
    switch self {
    case .half: .float16
    case .float: .float32
    case .powerOfTwo: .uint8
    }
  }

  var bits: Double { Double(8 * partType.byteCount) }

  /// `scale` as it is stored.
  func rounded(_ scale: Float) -> Float {
    switch self {
    case .half: Half.nearest(scale)
    case .float: scale
    case .powerOfTwo:
      scale > 0
        ? Float(sign: .plus, exponent: min(max(Int(scale.exponent), -126), 127), significand: 1)
        : 0x1p-126
    }
  }
}

extension TableCodec {
  public var levelCount: Int { table.count }

  public var isCentred: Bool { false }

  public var firstCentre: FirstCentre { .densest }

  public var storesTable: Bool { false }

  /// Small tables gain by clipping; for large ones it matters where the levels fall.
  public var scaleFactors: [Float] {
    table.count > 64
      ? [1, 0.85, 0.9, 0.95, 1.05, 1.1, 1.15, 1.2] : (0..<18).map { 1.02 - 0.04 * Float($0) }
  }

  public var bitsPerWeight: Double {
    Double(codeBits) + granularity.bitsPerWeight(scaleType.bits + (isCentred ? 16 : 0))
  }

  public func spanLength(columns: Int) -> Int { granularity.spanLength(columns: columns) }

  public func sharedParameters(
    for weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> [Float] {
    guard granularity == .tensor else { return [] }
    let fitted = weight.withAllValues(importance: importance) { tableFit.fit($0, importance: $1) }
    return [fitted.scale, fitted.centre]
  }

  private var tableFit: TableFit {
    TableFit(
      table: table, scaleType: scaleType, centre: isCentred ? firstCentre : nil,
      factors: scaleFactors)
  }

  public func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?,
    shared: [Float], row: Int
  ) -> SIMD4<Float> {
    if granularity == .tensor { return SIMD4(shared[0], shared[1], 0, 0) }
    let fitted = tableFit.fit(values, importance: importance)
    return SIMD4(fitted.scale, fitted.centre, 0, 0)
  }

  public func levels(
    _ parameters: SIMD4<Float>, shared: [Float], into levels: UnsafeMutablePointer<Float>
  ) {
    let (scale, centre) = (parameters[0], parameters[1])
    let table = table
    if isCentred {
      for code in table.indices { levels[code] = table[code] * scale + centre }
    } else {
      for code in table.indices { levels[code] = table[code] * scale }
    }
  }

  public func parameterParts(rows: Int, spans: Int) -> [WeightPart] {
    let shape = granularity.parameterShape(rows: rows, spans: spans)
    var parts = [WeightPart(name: "scales", type: scaleType.partType, shape: shape)]
    if isCentred { parts.append(WeightPart(name: "centres", type: .float16, shape: shape)) }
    if storesTable {
      parts.append(WeightPart(name: "table", type: .float32, shape: [levelCount]))
    }
    return parts
  }

  public func store(
    _ parameters: [SIMD4<Float>], shared: [Float], into encoded: EncodedWeight
  ) {
    switch scaleType {
    case .half: encoded.write(half: "scales") { parameters[$0][0] }
    case .float: encoded.write(float: "scales") { parameters[$0][0] }
    case .powerOfTwo:
      encoded.write(byte: "scales") { UInt8(Int(parameters[$0][0].exponent) + 127) }
    }
    if isCentred { encoded.write(half: "centres") { parameters[$0][1] } }
    if storesTable { encoded.write(float: "table") { table[$0] } }
  }

  public func load(
    _ encoded: EncodedWeight, spans: Int
  ) -> (parameters: [SIMD4<Float>], shared: [Float]) {
    let scales =
      switch scaleType {
      case .half: encoded.halves("scales")
      case .float: encoded.floats("scales")
      case .powerOfTwo:
        encoded.bytes("scales").bytes.map {
          Float(sign: .plus, exponent: Int($0) - 127, significand: 1)
        }
      }
    let centres = isCentred ? encoded.halves("centres") : nil
    let parameters = (0..<encoded.rows * spans).map { index in
      let place = granularity == .tensor ? 0 : index
      return SIMD4(scales[place], centres?[place] ?? 0, 0, 0)
    }
    return (parameters, granularity == .tensor ? [scales[0], centres?[0] ?? 0] : [])
  }
}
