public import ViseTensor

/// Palettes of 2^b levels found by k-means, for a tensor, for each row, or for runs of rows; or one
/// palette times a scale for each group.
///
/// Parts: `codes` U8 [rows, ⌈columns·b/8⌉], indices in the palette; `palettes` F16 [runs, 2^b],
/// ascending, row r using palette ⌊r / rows of a run⌋; with groups also `scales` F16 [rows, spans].
/// x̂ = palette[code] (· scale, in float32).
public struct PaletteFormat: GridCodec {
  /// What shares a palette.
  public enum Sharing: Hashable, Sendable {
    case tensor
    /// So many consecutive rows.
    case rows(Int)
    /// The tensor, its groups of so many columns scaled to one size.
    case scaledGroups(Int)
  }

  public let bits: Int
  public let sharing: Sharing

  public init(bits: Int, sharing: Sharing = .tensor) {
    precondition((1...8).contains(bits))
    self.bits = bits
    self.sharing = sharing
  }

  /// `kmeans4`, with `tensor`, `channel`, such as `r16` for rows or `g64` for scaled groups.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("kmeans"), let bits = Int(base.dropFirst(6)), (1...8).contains(bits),
      base == "kmeans\(bits)", options.count <= 1
    else { return nil }
    guard let option = options.first else {
      self.init(bits: bits)
      return
    }
    switch Granularity(name: option) {
    case .tensor: self.init(bits: bits)
    case .channel: self.init(bits: bits, sharing: .rows(1))
    case .group(let length): self.init(bits: bits, sharing: .scaledGroups(length))
    case nil:
      guard option.hasPrefix("r"), let rows = Int(option.dropFirst()), rows > 1, rows <= 65_536,
        option == "r\(rows)"
      else { return nil }
      self.init(bits: bits, sharing: .rows(rows))
    }
  }

  public var name: String {
    let sharing =
      switch sharing {
      case .tensor: "tensor"
      case .rows(1): "channel"
      case .rows(let rows): "r\(rows)"
      case .scaledGroups(let length): "g\(length)"
      }
    return "kmeans\(bits):" + sharing
  }

  public var codeBits: Int { bits }

  /// Palettes of rows are counted for rows of 4,096.
  public var bitsPerWeight: Double {
    switch sharing {
    case .tensor: Double(bits)
    case .rows(let rows): Double(bits) + Double(16 << bits) / Double(rows * 4096)
    case .scaledGroups(let length): Double(bits) + 16 / Double(length)
    }
  }

  public func spanLength(columns: Int) -> Int {
    if case .scaledGroups(let length) = sharing { length } else { max(columns, 1) }
  }

  private func rowsPerPalette(_ rows: Int) -> Int {
    if case .rows(let count) = sharing { count } else { max(rows, 1) }
  }

  /// The palettes one after the other; the rows of a run first.
  public func sharedParameters(
    for weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> [Float] {
    let length = rowsPerPalette(weight.rows)
    let runs = (weight.rows + length - 1) / length
    let palettes = try work.map(rows: runs) { run in
      let rows = run * length..<min((run + 1) * length, weight.rows)
      return palette(of: samples(weight, rows: rows, importance: importance))
    }
    return [Float(length)] + palettes.flatMap { $0 }
  }

  private func palette(of samples: [(value: Float, weight: Float)]) -> [Float] {
    ScalarClustering(count: 1 << bits, samples: samples).centres().map(Half.nearest).sorted()
  }

  /// Up to some 500,000 finite values of `rows`, scaled by group where palettes are.
  private func samples(
    _ weight: Matrix, rows: Range<Int>, importance: [Float]?
  ) -> [(value: Float, weight: Float)] {
    defer { withExtendedLifetime(weight) {} }
    let columns = weight.columns
    let length = spanLength(columns: columns)
    let step = max(1, rows.count * columns / 500_000)
    var samples: [(value: Float, weight: Float)] = []
    for row in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
      let values = weight.row(row)
      for start in stride(from: 0, to: columns, by: length) {
        let range = start..<min(start + length, columns)
        let scale = groupScale(UnsafeBufferPointer(start: values + start, count: range.count))
        guard scale > 0 else { continue }
        for column in range where values[column].isFinite {
          let important = importance?[column] ?? 1
          samples.append((values[column] / scale, important * scale * scale))
        }
      }
    }
    return samples
  }

  /// 1 where groups are not scaled.
  private func groupScale(_ values: UnsafeBufferPointer<Float>) -> Float {
    guard case .scaledGroups = sharing else { return 1 }
    return Half.nearest(values.reduce(Float(0)) { max($0, abs($1)) })
  }

  public func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?,
    shared: [Float], row: Int
  ) -> SIMD4<Float> {
    let palette = (Float(row) / shared[0]).rounded(.down)
    guard case .scaledGroups = sharing else { return SIMD4(palette, 1, 0, 0) }
    let table = Array(shared.dropFirst())
    let fitted = TableFit(
      table: table, scaleType: .half, centre: nil,
      factors: (0..<14).map { 1.06 - 0.04 * Float($0) }
    ).fit(values, importance: importance)
    return SIMD4(0, fitted.scale, 0, 0)
  }

  public func levels(
    _ parameters: SIMD4<Float>, shared: [Float], into levels: UnsafeMutablePointer<Float>
  ) {
    let start = 1 + Int(parameters[0]) << bits
    for code in 0..<levelCount { levels[code] = shared[start + code] * parameters[1] }
  }

  public func parameterParts(rows: Int, spans: Int) -> [WeightPart] {
    let length = rowsPerPalette(rows)
    let palettes = WeightPart(
      name: "palettes", type: .float16, shape: [(rows + length - 1) / length, 1 << bits])
    guard case .scaledGroups = sharing else { return [palettes] }
    return [palettes, WeightPart(name: "scales", type: .float16, shape: [rows, spans])]
  }

  public func store(
    _ parameters: [SIMD4<Float>], shared: [Float], into encoded: EncodedWeight
  ) {
    encoded.write(half: "palettes") { shared[1 + $0] }
    if case .scaledGroups = sharing { encoded.write(half: "scales") { parameters[$0][1] } }
  }

  public func load(
    _ encoded: EncodedWeight, spans: Int
  ) -> (parameters: [SIMD4<Float>], shared: [Float]) {
    let length = rowsPerPalette(encoded.rows)
    let shared = [Float(length)] + encoded.halves("palettes")
    guard case .scaledGroups = sharing else {
      return ((0..<encoded.rows).map { SIMD4(Float($0 / length), 1, 0, 0) }, shared)
    }
    return (encoded.halves("scales").map { SIMD4(0, $0, 0, 0) }, shared)
  }
}
