import Synchronization
import ViseCompression
import ViseFormats
import ViseTensor

/// Makes sites smaller by the channels a plan removes, then treats what is left.
///
/// The choice of channels is made once for the site that reads them and the layers that make them.
/// What is left is a smaller site with a weight and statistics of its own, so that everything after
/// this, the levels' keys included, knows nothing of channels.
final class SiteReducer: Sendable {
  let model: Model
  let calibration: (any CalibrationSource)?
  private let levels: LevelDatabase?
  let weight: @Sendable (String) throws -> Matrix
  private let factors = InputFactorCache()
  private let decompositions: DecompositionCache?
  private let selections = Mutex<[Key: ChannelSelection]>([:])
  /// Bases by the treatment that names the sites which share them.
  let bases = Mutex<[Treatment: EncodedWeight]>([:])

  private struct Key: Hashable {
    let leader: String
    let sparsity: Sparsity
  }

  /// - Parameter weight: the reference's values.
  init(
    model: Model, calibration: (any CalibrationSource)?, levels: LevelDatabase?,
    decompositions: DecompositionCache? = nil, weight: @escaping @Sendable (String) throws -> Matrix
  ) {
    self.model = model
    self.decompositions = decompositions
    self.calibration = calibration
    self.levels = levels
    self.weight = weight
  }

  /// The stored form of `site`, in the shape its treatment leaves it.
  func compress(_ site: Site, _ treatment: Treatment, work: RowWork) throws -> CompressedSite {
    if treatment.sharesBasis { return try compressSharing(site, treatment, work: work) }
    guard treatment.removesChannels else {
      return try compress(
        try weight(site.name), site, treatment.afterReduction(of: site), calibration,
        decompositions, work)
    }
    return try compress(site, treatment, cut(of: site, treatment, work: work), work: work)
  }

  /// The stored form of some rows of `site`, which is only given a format; rows do not depend on
  /// each other in ggml's types.
  func compress(
    rows: Range<Int>, of site: Site, _ treatment: Treatment, work: RowWork
  ) throws -> CompressedSite {
    precondition(treatment.isFormatOnly && treatment.format?.storageType != nil)
    let part = Site(
      index: site.index, name: site.name, role: site.role, block: site.block, rows: rows.count,
      columns: site.columns, stored: site.stored)
    return try compress(
      try model.decodeRows(rows, of: site.name), part, treatment, calibration, nil, work)
  }

  /// The values of `site` in its own shape, zero where channels are gone.
  func values(_ site: Site, _ treatment: Treatment, work: RowWork) throws -> Matrix {
    guard treatment.removesChannels else {
      return try compress(site, treatment, work: work).values(work: work)
    }
    let small = treatment.reduced(site)
    let result = Matrix.zeros(rows: site.rows, columns: site.columns)
    guard small.parameterCount > 0 else { return result }
    let cut = try cut(of: site, treatment, work: work)
    let values = try compress(site, treatment, cut, work: work).values(work: work)
    let rows = cut.rows ?? Array(0..<site.rows)
    withExtendedLifetime((values, result)) {
      for (place, row) in rows.enumerated() {
        let (source, target) = (values.row(place), result.row(row))
        if let columns = cut.columns?.kept {
          for (from, to) in columns.enumerated() { target[to] = source[from] }
        } else {
          target.update(from: source, count: site.columns)
        }
      }
    }
    return result
  }

  /// The rows that remain of a weight or bias.
  func keptRows(_ cut: RowCut, work: RowWork) throws -> [Int] {
    try selection(leader: cut.link.leader, cut.sparsity, work).rows(of: cut.link)
  }

  /// What remains of a site; `nil` for all.
  private struct Cut {
    let rows: [Int]?
    let columns: ChannelSelection?
  }

  private func cut(of site: Site, _ treatment: Treatment, work: RowWork) throws -> Cut {
    if let problem = treatment.problem(for: site) {
      throw failure(.unsuitable(problem), site, treatment)
    }
    let isLeader = treatment.sparsity?.pattern == .channels
    return Cut(
      rows: try treatment.rowCut.map { try keptRows($0, work: work) },
      columns: isLeader
        ? try treatment.sparsity.map { try selection(leader: site.name, $0, work) } : nil)
  }

  private func compress(
    _ site: Site, _ treatment: Treatment, _ cut: Cut, work: RowWork
  ) throws -> CompressedSite {
    let small = treatment.reduced(site)
    guard small.parameterCount > 0 else {
      return CompressedSite(
        [], form: .whole, format: treatment.storedFormat(for: site), shape: small.shape)
    }
    if let rows = cut.rows, let copied = try copiedRows(rows, of: site, treatment, work: work) {
      return copied
    }
    var values = try weight(site.name)
    var source = calibration
    if let selection = cut.columns, let sparsity = treatment.sparsity, let group = site.channels {
      values = try pruning(sparsity, group, site).values(of: values, selection)
      source = calibration.map { ReducedCalibration(base: $0, site: site, columns: selection.kept) }
    }
    if let rows = cut.rows { values = values.rows(at: rows) }
    // Decompositions are remembered by the whole site.
    return try compress(values, small, treatment.afterReduction(of: site), source, nil, work)
  }

  private func compress(
    _ weight: Matrix, _ site: Site, _ treatment: Treatment,
    _ calibration: (any CalibrationSource)?, _ decompositions: DecompositionCache?,
    _ work: RowWork
  ) throws -> CompressedSite {
    try SiteCompression(
      treatment: treatment, calibration: calibration, factors: factors,
      decompositions: decompositions, work: work
    ).compress(
      weight, site: site, levels: levels, calibration: calibration?.identity, work: work)
  }

  /// The rows as the file stores them, where nothing else is done to the site.
  private func copiedRows(
    _ rows: [Int], of site: Site, _ treatment: Treatment, work: RowWork
  ) throws -> CompressedSite? {
    let format = treatment.storedFormat(for: site)
    guard treatment.settings.isEmpty, model.storages[site.name] == nil,
      format == .ggml(site.stored), let record = model.checkpoint.record(named: site.name),
      let part = format.codec.layout(rows: rows.count, columns: site.columns).first
    else { return nil }
    let encoded = EncodedWeight(
      rows: rows.count, columns: site.columns,
      parts: [EncodedWeight.Part(part, bytes: model.checkpoint.slices(rows, of: record))])
    return CompressedSite(
      [encoded], form: .whole, format: format,
      shape: WeightShape(rows: rows.count, columns: site.columns))
  }

  /// The channels `leader` keeps under `sparsity`.
  private func selection(
    leader name: String, _ sparsity: Sparsity, _ work: RowWork
  ) throws -> ChannelSelection {
    let key = Key(leader: name, sparsity: sparsity)
    if let known = selections.withLock({ $0[key] }) { return known }
    guard let leader = model.site(named: name), let group = leader.channels else {
      throw ModelError.missingWeight(name)
    }
    let made: ChannelSelection
    do {
      made = try pruning(sparsity, group, leader).selection(of: try weight(name), work: work)
    } catch let error as CompressionError {
      throw failure(error, leader, Treatment(sparsity: sparsity))
    }
    selections.withLock { $0[key] = made }
    return made
  }

  private func pruning(
    _ sparsity: Sparsity, _ group: ChannelGroup, _ leader: Site
  ) throws -> ChannelPruning {
    let (weight, makers) = (weight, model.channelCatalog?.makers[leader.name] ?? [])
    return ChannelPruning(
      sparsity: sparsity, group: group, statistics: try calibration?.statistics(of: leader),
      factors: factors, incoming: { try makers.map { try weight($0) } })
  }

  func failure(
    _ error: CompressionError, _ site: Site, _ treatment: Treatment
  ) -> ModelError {
    .treatmentFailed(site: site.name, treatment: treatment.name, reason: error)
  }
}

/// The statistics of a site of which some input channels are gone.
private struct ReducedCalibration: CalibrationSource {
  let base: any CalibrationSource
  let site: Site
  let columns: [Int]

  var identity: String {
    var hash = WordHash()
    hash.combine(columns.map(String.init).joined(separator: ","))
    return "\(base.identity) \(hash.hexadecimal)"
  }

  func statistics(of site: Site) throws -> SiteCalibration? {
    guard let whole = try base.statistics(of: self.site) else { return nil }
    return SiteCalibration(
      tokenCount: whole.tokenCount,
      secondMoment: whole.secondMoment.rows(at: columns).columns(at: columns),
      mean: columns.map { whole.mean[$0] }, minimum: columns.map { whole.minimum[$0] },
      maximum: columns.map { whole.maximum[$0] })
  }
}
