import Synchronization
import ViseCompression
import ViseEstimates
import ViseGraphs

/// Answers within a frame what a plan of a classifier costs, from the effects known so far.
///
/// Logits superpose on the probe's images; of the last plan asked for the sum is kept, so that an edit
/// costs what it changes.
final class InstantGraphPredictor: InstantPredictor {
  private struct Share {
    let effect: LogitEffect
    let factor: Float
    let isMeasured: Bool
  }

  private struct State {
    /// Doubles, so that edits taken back leave nothing one could see.
    var sum: [Double]
    var shares: [Int: Share] = [:]
    var treatments: [Treatment?]
    var calibration = PredictionCalibration()
    /// Of the model as loaded; `nil` before that is timed.
    var referenceLatency: LatencyEstimate?
  }

  private let sites: [Site]
  private let probe: LogitProbe
  private let effects: LogitEffects
  private let times: GraphTimePrior
  private let state: Mutex<State>

  init(sites: [Site], probe: LogitProbe, effects: LogitEffects, times: GraphTimePrior) {
    self.sites = sites
    self.times = times
    self.probe = probe
    self.effects = effects
    state = Mutex(
      State(
        sum: [Double](repeating: 0, count: probe.reference.count),
        treatments: [Treatment?](repeating: nil, count: sites.count)))
  }

  /// Takes what measured plans teach about predictions.
  func learn(_ trials: [PredictionTrial]) {
    let calibration = PredictionCalibration(trials)
    state.withLock { $0.calibration = calibration }
  }

  /// Takes how long the model as loaded was measured to take.
  func learn(reference: LatencyEstimate) {
    state.withLock { $0.referenceLatency = reference }
  }

  func predict(_ plan: Plan) -> (quality: QualityEstimate?, latency: LatencyEstimate?) {
    (quality(of: plan), latency(of: plan))
  }

  private func latency(of plan: Plan) -> LatencyEstimate? {
    guard let reference = state.withLock({ $0.referenceLatency }) else { return nil }
    if sites.allSatisfy({ plan.ownChange(of: $0) == nil }) { return reference }
    let seconds = reference.decodeSecondsPerToken.value * times.ratio(of: plan)
    return LatencyEstimate(
      secondsPerImage: Estimate(value: seconds, provenance: .prior),
      bindingCeiling: "MACs and moved floats")
  }

  /// As `predict`; `nil` where a treatment is of a kind nothing is known of at its site.
  func quality(of plan: Plan) -> QualityEstimate? {
    state.withLock { state in
      for (index, site) in sites.enumerated() {
        guard update(&state, index, to: plan.ownChange(of: site)) else { return nil }
      }
      return estimate(state)
    }
  }

  /// Mean KL of `plan` in nats before any correction; `nil` unless every effect is measured.
  func superposed(_ plan: Plan) -> Double? {
    state.withLock { state in
      for (index, site) in sites.enumerated() {
        guard update(&state, index, to: plan.ownChange(of: site)) else { return nil }
      }
      guard state.shares.values.allSatisfy(\.isMeasured) else { return nil }
      return divergence(state).value
    }
  }

  func loss(of site: Site, under treatment: Treatment) -> (klMean: Double, isMeasured: Bool)? {
    if let effect = effects.measured(site, treatment) { return (effect.divergence, true) }
    return effects.scaled(site, treatment).map { effect, factor in
      (effect.divergence * Double(factor * factor), false)
    }
  }

  /// Makes a site count with `treatment`; false where nothing is known of that.
  private func update(_ state: inout State, _ index: Int, to treatment: Treatment?) -> Bool {
    if state.treatments[index] == treatment,
      treatment == nil || state.shares[index]?.isMeasured ?? false
    {
      return true
    }
    if let old = state.shares.removeValue(forKey: index) { Self.add(old, sign: -1, to: &state.sum) }
    if state.shares.isEmpty { for place in state.sum.indices { state.sum[place] = 0 } }
    state.treatments[index] = treatment
    guard let treatment else { return true }
    let site = sites[index]
    let share =
      effects.measured(site, treatment).map { Share(effect: $0, factor: 1, isMeasured: true) }
      ?? effects.scaled(site, treatment).map {
        Share(effect: $0.effect, factor: $0.factor, isMeasured: false)
      }
    guard let share else { return false }
    Self.add(share, sign: 1, to: &state.sum)
    state.shares[index] = share
    return true
  }

  private static func add(_ share: Share, sign: Double, to sum: inout [Double]) {
    let factor = sign * Double(share.factor)
    for index in sum.indices { sum[index] += factor * Double(share.effect.differences[index]) }
  }

  /// √(superposed · sum of the sites' own), as `ClassifierPredictor.Prediction` has it.
  ///
  /// `deviation` is the standard error of its logarithm from the probe's few images.
  private func divergence(
    _ state: State
  ) -> (value: Double, agreement: Double, deviation: Double) {
    guard !state.shares.isEmpty else { return (0, 1, 0) }
    let scores = probe.scores(zip(probe.reference, state.sum).map { $0 + Float($1) })
    let alone = state.shares.values.reduce(0) {
      $0 + $1.effect.divergence * Double($1.factor * $1.factor)
    }
    return (
      (scores.divergence * alone).squareRoot(),
      Double(scores.agreements) / Double(max(probe.imageCount, 1)), scores.deviation
    )
  }

  /// A plan that changes nothing is the reference itself.
  private static let reference = QualityEstimate(
    klMean: Estimate(value: 0, provenance: .exact),
    top1Agreement: Estimate(value: 1, provenance: .exact),
    accuracyChange: Estimate(value: 0, provenance: .exact))

  private func estimate(_ state: State) -> QualityEstimate {
    guard !state.shares.isEmpty else { return Self.reference }
    let (raw, agreement, deviation) = divergence(state)
    guard state.shares.values.allSatisfy(\.isMeasured) else {
      return QualityEstimate(klMean: Estimate(value: raw, provenance: .prior))
    }
    let provenance = Provenance.predicted(tokens: probe.imageCount)
    return QualityEstimate(
      klMean: state.calibration.estimate(raw, samplingDeviation: deviation, provenance: provenance),
      top1Agreement: Estimate(value: agreement, provenance: provenance))
  }
}
