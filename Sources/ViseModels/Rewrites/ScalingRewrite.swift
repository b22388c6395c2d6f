public import ViseCompression
public import ViseTensor

/// Chooses factors for the channels between weights and moves them from one side to the other.
public struct ScalingRewrite: Sendable {
  /// How factors are chosen.
  public enum Rule: Sendable {
    /// AWQ: by the error of the outputs in a number format.
    case awq(NumberFormat)
    /// SmoothQuant, with its α.
    case smooth(alpha: Double)
    /// Cross-layer equalization, which needs no calibration.
    case equalize
  }

  /// What was done to one link.
  public struct Change: Sendable {
    public let kind: ScalableLink.Kind
    public let weights: [String]
    /// AWQ's exponent.
    public let alpha: Double?
    /// The outputs' error in the format, after and before, as AWQ found it.
    public let outputError: Double?
    public let plainError: Double?
  }

  public let rule: Rule
  private let model: Model
  private let calibration: (any CalibrationSource)?
  private let work: RowWork

  public init(
    _ rule: Rule, model: Model, calibration: (any CalibrationSource)? = nil, work: RowWork
  ) {
    self.rule = rule
    self.model = model
    self.calibration = calibration
    self.work = work
  }

  /// Adds the factors of every link they can be chosen for.
  ///
  /// Statistics must be of `model` with `rewrite` as it is: of a model not yet rewritten.
  public func append(
    to rewrite: inout ModelRewrite, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> [Change] {
    let links = ScalableLink.all(in: try model.program.get().graph)
    guard !links.isEmpty else { throw RewriteError.nothingToScale }
    var changes: [Change] = []
    for (done, link) in links.enumerated() {
      try work.cancellation.check()
      if let change = try append(link, to: &rewrite) { changes.append(change) }
      progress(done + 1, links.count)
    }
    guard !changes.isEmpty else { throw RewriteError.nothingToScale }
    return changes
  }

  private func append(
    _ link: ScalableLink, to rewrite: inout ModelRewrite
  ) throws -> Change? {
    // Columns and statistics are of the reference: links change columns once each.
    let weights = try link.consumers.map { try model.decodeWeight($0) }
    switch rule {
    case .awq(let format):
      guard weights.allSatisfy({ format.fits(columns: $0.columns) }) else { return nil }
      let statistics = try statistics(of: link)
      let found = try ActivationScaling(
        codec: format.codec, secondMoment: statistics.secondMoment,
        magnitudes: link.sharedMagnitudes(statistics.diagonal)
      ).search(weights, work: work)
      let byChannel = link.largest(found.scales)
      link.append(byChannel, to: &rewrite)
      return Change(
        kind: link.kind, weights: link.consumers, alpha: found.alpha,
        outputError: found.outputError, plainError: found.plainError)
    case .smooth(let alpha):
      link.append(
        Smoothing.factors(
          inputs: link.largest(try statistics(of: link).largestMagnitude),
          weights: link.largest(Self.columnReach(weights)), alpha: alpha),
        to: &rewrite)
    case .equalize:
      guard case .rows(let rows) = link.producer else { return nil }
      let producer = try rewrite.weight(rows.weight, of: model).rows(rows.range)
      let current = try link.consumers.map { try rewrite.weight($0, of: model) }
      link.append(
        ChannelEqualization.factors(
          rows: Self.columnReach([producer.transposed()]),
          columns: link.largest(Self.columnReach(current))),
        to: &rewrite)
    }
    return Change(
      kind: link.kind, weights: link.consumers, alpha: nil, outputError: nil, plainError: nil)
  }

  private func statistics(of link: ScalableLink) throws -> SiteCalibration {
    guard let site = model.site(named: link.consumers[0]),
      let statistics = try calibration?.statistics(of: site)
    else { throw RewriteError.needsCalibration(link.consumers[0]) }
    return statistics
  }

  /// The largest magnitude of each column over all of `weights`.
  private static func columnReach(_ weights: [Matrix]) -> [Float] {
    var reach = [Float](repeating: 0, count: weights.first?.columns ?? 0)
    for weight in weights {
      withExtendedLifetime(weight) {
        for row in 0..<weight.rows {
          let values = weight.row(row)
          for column in reach.indices { reach[column] = max(reach[column], abs(values[column])) }
        }
      }
    }
    return reach
  }
}
