import Synchronization
public import ViseCompression
import ViseEstimates
public import ViseModels
public import ViseTensor

/// Computes how sites bear treatments: from values, from statistics of inputs, and on a probe.
///
/// What is not asked for, or has no statistics or text to come from, is left out rather than guessed.
public struct SensitivityAnalysis: Sendable {
  /// Called with the number of steps done and their total.
  public typealias Progress = @Sendable (_ done: Int, _ total: Int) -> Void

  public let options: [SensitivityOption]
  private let model: Model
  private let calibration: (any CalibrationSource)?
  private let pool: ComputePool
  private let weights: WeightStore
  private let compressor: SiteCompressor
  private let predictor: PlanPredictor?

  /// - Parameter predictor: measures on its probe; `nil` leaves out what needs a text.
  public init(
    session: ModelSession, calibration: (any CalibrationSource)?, options: [SensitivityOption],
    predictor: PlanPredictor?
  ) {
    (model, pool) = (session.model, session.pool)
    (weights, compressor) = (session.weights, session.compressor)
    (self.calibration, self.options, self.predictor) = (calibration, options, predictor)
  }

  /// For models that need not run: no text is looked at.
  public init(
    model: Model, calibration: (any CalibrationSource)?, options: [SensitivityOption],
    levels: LevelDatabase?, pool: ComputePool, memoryByteCount: Int
  ) {
    (self.model, self.pool, predictor) = (model, pool, nil)
    (self.calibration, self.options) = (calibration, options)
    weights = WeightStore(model: model, byteBudget: memoryByteCount / 4)
    compressor = SiteCompressor(
      reference: weights, calibration: calibration, levels: levels,
      byteBudget: memoryByteCount / 4)
  }

  /// Tokens that KL divergences are measured on.
  public var tokenCount: Int? { predictor?.scoredTokenCount }

  /// One report a site, in their order.
  ///
  /// - Parameter hasSpectrum: whether to decompose each weight too, which is the slowest part.
  /// - Throws: `CancelledError`, and what treating or running the model throws.
  public func run(
    hasSpectrum: Bool, progress: @escaping Progress, cancellation: CancellationFlag
  ) throws -> [SiteReport] {
    try BLAS.load()
    let total = model.sites.count * (1 + options.count)
    let found = Mutex<[Int: SiteReport]>([:])
    try pool.forEach(model.sites.count) { index, _ in
      let report = try ofWeight(model.sites[index], hasSpectrum, cancellation)
      let count = found.withLock { found in
        found[index] = report
        return found.count
      }
      progress(count, total)
    }
    var reports = found.withLock { found in model.sites.indices.compactMap { found[$0] } }
    for index in reports.indices {
      try treat(&reports[index], cancellation)
      progress(reports.count + (index + 1) * options.count, total)
    }
    for option in options.indices { interact(&reports, option: option) }
    return reports
  }

  /// Finds the terms between the sites that have option `option`; the head's values do not act
  /// through the features and have none.
  private func interact(_ reports: inout [SiteReport], option: Int) {
    guard let predictor else { return }
    let places = reports.indices.filter { $0 != predictor.headSiteIndex }
    let known = places.compactMap { index in
      reports[index].options[option].flatMap {
        predictor.effects.measured(site: index, treatment: $0.treatment)
      }.map { (index, $0.drawnShifts) }
    }
    let terms = LayerInteraction.terms(known.map(\.1), draws: SampledHead.drawsPerRow)
    for ((index, _), term) in zip(known, terms) {
      reports[index].options[option]?.interaction = term.others
    }
  }

  private func ofWeight(
    _ site: Site, _ hasSpectrum: Bool, _ cancellation: CancellationFlag
  ) throws -> SiteReport {
    try cancellation.check()
    let weight = try weights.weight(site.name)
    var report = SiteReport(
      site: site, byteCount: model.sizeModel.byteCount(of: site, under: .keep),
      weight: WeightMetrics(weight))
    if hasSpectrum {
      report.spectrum = SpectrumMetrics(
        try WeightSpectrum(of: weight, cancellation: cancellation))
    }
    return report
  }

  private func treat(_ report: inout SiteReport, _ cancellation: CancellationFlag) throws {
    let site = report.site
    let statistics = try calibration?.statistics(of: site)
    report.inputEnergy = statistics.map { $0.diagonal.reduce(0) { $0 + Double($1) } }
    let weight = try weights.weight(site.name)
    let treatments = options.map { $0.treatment(for: site) }
    var energy: Double?
    if let statistics, treatments.contains(where: { $0 != nil }) {
      energy = try outputEnergy(weight, nil, statistics, cancellation)
    }
    for treatment in treatments {
      try cancellation.check()
      guard let treatment else {
        report.options.append(nil)
        continue
      }
      let stored = try compressor.stored(
        site, under: treatment, on: pool, cancellation: cancellation)
      let values = try compressor.values(
        of: site, under: treatment, from: stored, on: pool, cancellation: cancellation)
      var option = option(site, treatment, stored, Distortion(original: weight, treated: values))
      if let statistics, let energy {
        let error = try outputEnergy(weight, values, statistics, cancellation)
        option.outputError = error / 2
        option.outputErrorShare = energy > 0 ? error / energy : nil
      }
      option.klMean = try predictor?.measureEffect(
        of: site, under: treatment, cancellation: cancellation
      ).klMean
      report.options.append(option)
    }
  }

  private func option(
    _ site: Site, _ treatment: Treatment, _ stored: CompressedSite, _ distortion: Distortion
  ) -> OptionReport {
    OptionReport(
      treatment: treatment,
      byteCount: model.sizeModel.byteCount(of: site, under: treatment),
      noisePower: distortion.noisePower, signalPower: distortion.signalPower,
      accumulatorBits: stored.accumulatorBits(activationBits: StorageFigures.activationBits))
  }

  private func outputEnergy(
    _ weight: Matrix, _ other: Matrix?, _ statistics: SiteCalibration,
    _ cancellation: CancellationFlag
  ) throws -> Double {
    try OutputEnergy.of(
      weight, minus: other, secondMoment: statistics.secondMoment, on: pool,
      cancellation: cancellation)
  }
}
