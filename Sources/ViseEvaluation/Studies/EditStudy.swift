import ViseCompression
import ViseEstimates
import ViseModels
public import ViseTensor

/// Measures edits of single layers one after the other, as somebody tries them out.
public struct EditStudy {
  /// What the edits cost and tell.
  public struct Report: Sendable {
    public let edits: Int
    /// Median seconds of an evaluation of all blocks.
    public let fullSeconds: Double
    /// Seconds of all edits together.
    public let editSeconds: Double
    /// As `share`, of processors' rather than clocks' seconds: other programs change it less.
    public let processorShare: Double
    /// Unpaired over paired half widths of edit − plan, medians over the edits.
    public let divergenceNarrowing, logLossNarrowing: Double
    /// The largest change the control shows, which changes nothing.
    public let controlDifference: Double

    /// Of as many full evaluations.
    public var share: Double { editSeconds / (fullSeconds * Double(edits)) }
  }

  private let evaluator: PlanEvaluator
  private let cancellation: CancellationFlag

  public init(evaluator: PlanEvaluator, cancellation: CancellationFlag) {
    self.evaluator = evaluator
    self.cancellation = cancellation
  }

  private var sites: [Site] { evaluator.session.model.sites }

  /// Edits `count` sites spread over the depth of a plan of 4 bits, each to 3 bits and back, last
  /// ones first, `fullRuns` evaluations of everything for comparison.
  public func run(count: Int, fullRuns: Int) throws -> Report {
    precondition(count > 0 && fullRuns > 0)
    let base = plan(bits: 4)
    _ = try scores(of: base)
    let full = try (0..<fullRuns).map { run in
      // Another format in the first block leaves nothing to start from.
      try cost { _ = try scores(of: edited(base, first, bits: run % 2 == 0 ? 5 : 8)) }
    }
    let reference = try scores(of: base)
    let control = try scores(of: base)
    var (divergence, logLoss): ([Double], [Double]) = ([], [])
    var total = Cost(seconds: 0, processorSeconds: 0)
    for site in spread(count).reversed() {
      var found: [WindowScore] = []
      let cost = try cost { found = try scores(of: edited(base, site, bits: 3)) }
      total.seconds += cost.seconds
      total.processorSeconds += cost.processorSeconds
      divergence += difference(reference, found, \.divergence).narrowing.map { [$0] } ?? []
      logLoss += difference(reference, found, \.logLoss).narrowing.map { [$0] } ?? []
    }
    return Report(
      edits: count, fullSeconds: full.map(\.seconds).sorted()[fullRuns / 2],
      editSeconds: total.seconds,
      processorShare: total.processorSeconds
        / (full.map(\.processorSeconds).sorted()[fullRuns / 2] * Double(count)),
      divergenceNarrowing: divergence.isEmpty ? .nan : LogCorrection.median(divergence),
      logLossNarrowing: logLoss.isEmpty ? .nan : LogCorrection.median(logLoss),
      controlDifference: zip(reference, control).reduce(0) {
        max($0, abs($1.0.negativeLogLikelihood - $1.1.negativeLogLikelihood))
      })
  }

  /// A site of the first block.
  private var first: Site { sites.first { $0.block == 0 } ?? sites[0] }

  /// Sites of blocks, evenly spread.
  private func spread(_ count: Int) -> [Site] {
    let candidates = sites.filter { $0.block != nil }
    return (0..<count).map { candidates[$0 * candidates.count / count] }
  }

  private func plan(bits: Int) -> Plan {
    var plan = Plan()
    for site in sites where site.block != nil { plan[site.name] = treatment(of: site, bits: bits) }
    return plan
  }

  private func edited(_ plan: Plan, _ site: Site, bits: Int) -> Plan {
    var plan = plan
    plan[site.name] = treatment(of: site, bits: bits)
    return plan
  }

  /// Whole numbers in groups of 32 fit nearly every layer.
  private func treatment(of site: Site, bits: Int) -> Treatment {
    let format = NumberFormat(name: "int\(bits):g32")
    return format.map { Treatment(format: $0) } ?? .keep
  }

  private func scores(of plan: Plan) throws -> [WindowScore] {
    try evaluator.measure(
      plan, windows: 0..<evaluator.text.windowCount, cancellation: cancellation)
  }

  private func difference(
    _ plan: [WindowScore], _ edit: [WindowScore], _ value: (Comparison.Score) -> Double?
  ) -> PairedDifference {
    func sums(_ scores: [WindowScore]) -> [Double] { scores.map { value(.init($0)) ?? 0 } }
    return PairedDifference(
      first: sums(plan), second: sums(edit), weights: plan.map { Double($0.scoredCount) },
      level: 0.9)
  }

  private struct Cost {
    var seconds: Double
    var processorSeconds: Double
  }

  private func cost(_ body: () throws -> Void) rethrows -> Cost {
    let (start, processor) = (ContinuousClock.now, ProcessorTime.seconds)
    try body()
    return Cost(
      seconds: (ContinuousClock.now - start) / .seconds(1),
      processorSeconds: ProcessorTime.seconds - processor)
  }
}
