import Synchronization
public import ViseCompression
public import ViseTensor

/// Treated sites as the values an exported file decodes to, made once and kept within a budget.
public final class SiteCompressor: Sendable {
  /// One treatment of one site.
  public struct Key: Hashable, Sendable {
    public let site: Int
    public let format: NumberFormat
  }

  private let model: Model
  private let reference: WeightStore
  let cache: MatrixCache<Key>

  public init(model: Model, reference: WeightStore, byteBudget: Int) {
    self.model = model
    self.reference = reference
    cache = MatrixCache(byteBudget: byteBudget)
  }

  /// The values `site` has in `format`, bit for bit those of the exported file.
  public func values(of site: Site, in format: NumberFormat) throws -> Matrix {
    try cache.value(for: Key(site: site.index, format: format)) {
      let source = try reference.weight(site.name)
      let result = Matrix(rows: source.rows, columns: source.columns)
      try Self.roundTrip(source, format, rows: 0..<source.rows, into: result, site: site)
      return result
    }
  }

  /// Makes the values of all `pairs` that fit the budget, rows spread over the pool's threads.
  public func prefetch(
    _ pairs: [(Site, NumberFormat)], on pool: ComputePool, cancellation: CancellationFlag
  ) throws {
    for (site, format) in pairs where cache.hasRoom {
      let key = Key(site: site.index, format: format)
      guard !cache.contains(key) else { continue }
      let source = try reference.weight(site.name)
      let result = Matrix(rows: source.rows, columns: source.columns)
      let chunk = max(1, 65_536 / source.columns)
      let chunks = (source.rows + chunk - 1) / chunk
      try pool.forEach(chunks) { item, _ in
        try cancellation.check()
        let rows = (item * chunk)..<min((item + 1) * chunk, source.rows)
        try Self.roundTrip(source, format, rows: rows, into: result, site: site)
      }
      _ = cache.value(for: key) { result }
    }
  }

  /// Encodes and decodes `rows` of `source`.
  private static func roundTrip(
    _ source: Matrix, _ format: NumberFormat, rows: Range<Int>, into result: Matrix, site: Site
  ) throws {
    guard
      let byteCount = format.byteCount(rows: rows.count, columns: source.columns)
    else { throw ModelError.treatmentDoesNotFit(site: site.name, treatment: format.name) }
    let count = rows.count * source.columns
    defer { withExtendedLifetime((source, result)) {} }
    try withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 64) { bytes in
      try format.encode(
        UnsafeBufferPointer(start: source.row(rows.lowerBound), count: count), rows: rows.count,
        columns: source.columns, into: bytes)
      try format.storageType.decode(
        UnsafeRawBufferPointer(bytes),
        into: UnsafeMutableBufferPointer(start: result.row(rows.lowerBound), count: count))
    }
  }
}

/// The weights of a model under a plan.
public struct PlannedWeights: WeightSource {
  private let reference: WeightStore
  private let compressor: SiteCompressor
  private let treated: [String: (Site, NumberFormat)]

  public init(model: Model, plan: Plan, reference: WeightStore, compressor: SiteCompressor) {
    self.reference = reference
    self.compressor = compressor
    treated = Dictionary(
      uniqueKeysWithValues: model.sites.compactMap { site in
        plan.newFormat(for: site).map { (site.name, (site, $0)) }
      })
  }

  /// The treated sites with their formats.
  public var pairs: [(Site, NumberFormat)] { Array(treated.values) }

  public func weight(_ key: String) throws -> Matrix {
    guard let (site, format) = treated[key] else { return try reference.weight(key) }
    return try compressor.values(of: site, in: format)
  }
}
