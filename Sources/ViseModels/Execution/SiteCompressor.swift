public import ViseCompression
public import ViseTensor

/// Treated sites as the values an exported file decodes to, made once and kept within a budget.
public final class SiteCompressor: Sendable {
  /// One treatment of one site, or what it makes of the site's bias.
  struct Key: Hashable, Sendable {
    let site: Int
    let treatment: Treatment
    var isBias = false
  }

  private let reducer: SiteReducer
  let cache: MatrixCache<Key>

  /// - Parameter levels: where treated sites are kept beyond this session.
  public init(
    reference: WeightStore, calibration: (any CalibrationSource)? = nil,
    levels: LevelDatabase? = nil, byteBudget: Int
  ) {
    reducer = SiteReducer(
      model: reference.model, calibration: calibration, levels: levels,
      decompositions: DecompositionCache(byteLimit: byteBudget / 8)
    ) { try reference.weight($0) }
    cache = MatrixCache(byteBudget: byteBudget)
  }

  /// The values `site` has under `treatment`, bit for bit those of the exported file.
  public func values(of site: Site, under treatment: Treatment) throws -> Matrix {
    try cache.value(for: Key(site: site.index, treatment: treatment)) {
      try reducer.values(site, treatment, work: RowWork(pool: nil))
    }
  }

  /// The bias of `site` where `treatment` corrects it, bit for bit that of the exported file.
  func correctedBias(of site: Site, under treatment: Treatment) throws -> Matrix {
    try cache.value(for: Key(site: site.index, treatment: treatment, isBias: true)) {
      try reducer.correctedBias(of: site, treatment, work: RowWork(pool: nil))
    }
  }

  /// Makes the values of all `changes` that fit the budget, on the pool's threads.
  public func prefetch(
    _ changes: [(Site, Treatment)], on pool: ComputePool, cancellation: CancellationFlag
  ) throws {
    for (site, treatment) in changes where cache.hasRoom {
      let key = Key(site: site.index, treatment: treatment)
      guard !cache.contains(key) else { continue }
      let work = RowWork(pool: pool, cancellation: cancellation)
      let values = try reducer.values(site, treatment, work: work)
      _ = cache.value(for: key) { values }
    }
  }

  /// The stored form of `site` under `treatment`, made on the pool's threads.
  public func stored(
    _ site: Site, under treatment: Treatment, on pool: ComputePool?,
    cancellation: CancellationFlag
  ) throws -> CompressedSite {
    try compress(site, treatment, work: RowWork(pool: pool, cancellation: cancellation))
  }

  /// As `values(of:under:)`, decoded from what `stored(_:under:on:cancellation:)` made.
  public func values(
    of site: Site, under treatment: Treatment, from made: CompressedSite, on pool: ComputePool?,
    cancellation: CancellationFlag
  ) throws -> Matrix {
    let work = RowWork(pool: pool, cancellation: cancellation)
    return try cache.value(for: Key(site: site.index, treatment: treatment)) {
      treatment.removesChannels
        ? try reducer.values(site, treatment, work: work) : try made.values(work: work)
    }
  }

  /// The stored form of `site` under `treatment`.
  func compress(
    _ site: Site, _ treatment: Treatment, work: RowWork
  ) throws -> CompressedSite {
    try reducer.compress(site, treatment, work: work)
  }
}

/// The weights of a model under a plan.
public struct PlannedWeights: WeightSource {
  private let reference: WeightStore
  private let compressor: SiteCompressor
  private let treated: [String: (Site, Treatment)]
  /// By key, the sites whose biases are corrected.
  private let biased: [String: (Site, Treatment)]
  /// By weight, what its linear layer's activations are rounded to.
  private let activationTypes: [String: StorageType]

  public init(
    model: Model, plan: Plan, reference: WeightStore, compressor: SiteCompressor,
    arithmetic: Arithmetic = .float32
  ) {
    self.reference = reference
    self.compressor = compressor
    activationTypes = Dictionary(
      uniqueKeysWithValues: model.sites.compactMap { site in
        let stored = plan.change(of: site)?.storedFormat(for: site).storageType ?? site.stored
        return arithmetic.activationType(for: stored).map { (site.name, $0) }
      })
    treated = Dictionary(
      uniqueKeysWithValues: model.sites.compactMap { site in
        plan.change(of: site).map { (site.name, (site, $0)) }
      })
    biased = Dictionary(
      treated.values.compactMap { site, treatment in
        site.bias.flatMap { treatment.correctsBias ? ($0, (site, treatment)) : nil }
      }, uniquingKeysWith: { first, _ in first })
  }

  /// The treated sites with their treatments.
  public var changes: [(Site, Treatment)] { Array(treated.values) }

  public func activationType(for key: String) -> StorageType? { activationTypes[key] }

  public func rows(of tokens: [Int32], in key: String) throws -> Matrix {
    guard treated[key] == nil else {
      let table = try weight(key)
      return table.rows(at: try places(of: tokens, rows: table.rows))
    }
    return try reference.rows(of: tokens, in: key)
  }

  public func weight(_ key: String) throws -> Matrix {
    guard let (site, treatment) = treated[key] else {
      guard let (site, treatment) = biased[key] else { return try reference.weight(key) }
      return try compressor.correctedBias(of: site, under: treatment)
    }
    return try compressor.values(of: site, under: treatment)
  }
}
