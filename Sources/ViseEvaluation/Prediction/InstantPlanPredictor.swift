import Synchronization
public import ViseCompression
public import ViseEstimates

/// Predicts latency from formats alone, without running anything.
public protocol LatencyPredicting: Sendable {
  /// `nil` until the machine's speed is known.
  func latency(of plan: Plan) -> LatencyEstimate?
}

/// Answers within a frame what a plan costs, from the effects known so far.
///
/// Effects superpose in the logits of the few tokens drawn at each row. Their sum is kept for the
/// last plan asked for, so an edit costs what it changes, and the last figures are remembered, so
/// that a plan and the one before its edit cost one sum.
public final class InstantPlanPredictor: InstantPredictor {
  private struct Contribution {
    var shifts: [Float]?
    var factor = 0.0
    /// Divergence that is added rather than superposed, in nats.
    var addedKL = 0.0
    /// The site's divergence alone.
    var klMean = 0.0
    var isMeasured = true
  }

  /// What was answered for a plan; holds for these revisions of effects and trials only.
  private struct Figure {
    let treatments: [Treatment?]
    let revision: Int
    let trialRevision: Int
    let quality: QualityEstimate?
  }

  private struct State {
    var sum: [Double]
    var contributions: [Int: Contribution] = [:]
    var treatments: [Treatment?]
    /// The effects' revision that the contributions were looked up at.
    var revision = 0
    var figures: [Figure] = []
  }

  /// An edited plan, the one before, and those of an undo and a redo.
  private static let keptFigures = 4

  private let sites: [Site]
  private let headSite: Site?
  private let effects: SiteEffects
  private let trials: TrialBook
  private let rows: Int
  private let sequences: Int
  private let latency: any LatencyPredicting
  private let state: Mutex<State>

  init(
    sites: [Site], headSite: Site?, effects: SiteEffects, trials: TrialBook, shiftCount: Int,
    rows: Int, sequences: Int, latency: any LatencyPredicting
  ) {
    self.sites = sites
    self.headSite = headSite
    self.effects = effects
    self.trials = trials
    self.rows = rows
    self.sequences = sequences
    self.latency = latency
    state = Mutex(
      State(
        sum: [Double](repeating: 0, count: shiftCount),
        treatments: [Treatment?](repeating: nil, count: sites.count)))
  }

  public func predict(_ plan: Plan) -> (quality: QualityEstimate?, latency: LatencyEstimate?) {
    let changes = sites.map { plan.ownChange(of: $0) }
    let quality = changes.allSatisfy { $0 == nil } ? Self.reference : quality(of: changes)
    return (quality, latency.latency(of: plan))
  }

  /// A plan that changes nothing is the reference itself: nothing of that is predicted.
  private static let reference = QualityEstimate(
    klMean: Estimate(value: 0, provenance: .exact),
    perplexityRatio: Estimate(value: 1, provenance: .exact),
    top1Agreement: Estimate(value: 1, provenance: .exact))

  public func loss(
    of site: Site, under treatment: Treatment
  ) -> (klMean: Double, isMeasured: Bool)? {
    switch effects.known(site, treatment) {
    case .measured(let effect): (effect.klMean, true)
    case .interpolated(let effect, let factor):
      (effect.klMean * Double(factor * factor), false)
    case .prior(let klMean): (klMean, false)
    case nil: nil
    }
  }

  /// `treatments` has what changes at each site in turn.
  private func quality(of treatments: [Treatment?]) -> QualityEstimate? {
    let revision = effects.revision
    let trialRevision = trials.revision
    return state.withLock { state in
      let known = state.figures.first {
        $0.revision == revision && $0.trialRevision == trialRevision
          && $0.treatments == treatments
      }
      if let known { return known.quality }
      let quality = compute(&state, treatments, revision).map { estimate($0, state) }
      state.figures.insert(
        Figure(
          treatments: treatments, revision: revision, trialRevision: trialRevision,
          quality: quality), at: 0)
      if state.figures.count > Self.keptFigures { state.figures.removeLast() }
      return quality
    }
  }

  /// Mean KL of `plan` before any correction; `nil` where nothing is known.
  func superpose(_ plan: Plan) -> Double? {
    let treatments = sites.map { plan.ownChange(of: $0) }
    return state.withLock { compute(&$0, treatments, effects.revision)?.mean }
  }

  /// The corrected figure of the plan `state` now has the sum of.
  private func estimate(_ raw: (mean: Double, deviation: Double), _ state: State)
    -> QualityEstimate
  {
    guard state.contributions.values.allSatisfy(\.isMeasured) else {
      let value = trials.knowledge(.instant).calibration.corrected(raw.mean)
      return QualityEstimate(klMean: Estimate(value: value, provenance: .prior))
    }
    let outline = PlanOutline(
      treatments: state.treatments,
      alone: sites.indices.map { state.contributions[$0]?.klMean ?? 0 })
    return QualityEstimate(
      klMean: trials.estimate(
        raw.mean, samplingDeviation: raw.deviation, tier: .instant, outline: outline,
        provenance: .predicted(tokens: rows)))
  }

  /// Mean KL and the standard error of its logarithm from the probe's tokens.
  private func compute(
    _ state: inout State, _ treatments: [Treatment?], _ revision: Int
  ) -> (mean: Double, deviation: Double)? {
    let isCurrent = state.revision == revision
    state.revision = revision
    for (position, treatment) in treatments.enumerated() {
      let isUpToDate =
        state.treatments[position] == treatment
        && (isCurrent || state.contributions[position]?.isMeasured ?? true)
      if isUpToDate { continue }
      guard update(&state, position, to: treatment) else {
        // The sites after this one have not been looked up at this revision.
        state.revision = -1
        return nil
      }
    }
    let superposed =
      state.contributions.values.contains { $0.shifts != nil }
      ? SampledHead.klMean(state.sum, groups: sequences) : (mean: 0, deviation: 0)
    let value = state.contributions.values.reduce(superposed.mean) { $0 + $1.addedKL }
    let alone = state.contributions.values.reduce(0) { $0 + $1.klMean }
    return (JointDivergence.mean(superposed: value, alone: alone), superposed.deviation)
  }

  /// Makes a site count with `treatment`; false where nothing is known about it yet.
  private func update(_ state: inout State, _ position: Int, to treatment: Treatment?) -> Bool {
    remove(&state, position)
    guard let treatment else { return true }
    guard let contribution = contribution(of: sites[position], under: treatment) else {
      return false
    }
    if let shifts = contribution.shifts { Self.add(shifts, contribution.factor, to: &state.sum) }
    state.contributions[position] = contribution
    state.treatments[position] = treatment
    return true
  }

  private func remove(_ state: inout State, _ position: Int) {
    state.treatments[position] = nil
    guard let old = state.contributions.removeValue(forKey: position), let shifts = old.shifts
    else { return }
    if state.contributions.isEmpty {
      for index in state.sum.indices { state.sum[index] = 0 }
    } else {
      Self.add(shifts, -old.factor, to: &state.sum)
    }
  }

  /// Sums are doubles, so that edits taken back leave nothing one could see.
  private static func add(_ shifts: [Float], _ factor: Double, to sum: inout [Double]) {
    precondition(shifts.count == sum.count)
    for index in sum.indices { sum[index] += factor * Double(shifts[index]) }
  }

  /// The head's own values do not act through the features, so its divergence is added.
  private func contribution(of site: Site, under treatment: Treatment) -> Contribution? {
    let isHead = site.index == headSite?.index
    switch effects.known(site, treatment) {
    case .measured(let effect):
      return isHead
        ? Contribution(addedKL: effect.klMean, klMean: effect.klMean)
        : Contribution(shifts: effect.drawnShifts, factor: 1, klMean: effect.klMean)
    case .interpolated(let effect, let factor):
      let klMean = effect.klMean * Double(factor * factor)
      return isHead
        ? Contribution(addedKL: klMean, klMean: klMean, isMeasured: false)
        : Contribution(
          shifts: effect.drawnShifts, factor: Double(factor), klMean: klMean, isMeasured: false)
    case .prior(let klMean):
      return Contribution(addedKL: klMean, klMean: klMean, isMeasured: false)
    case nil:
      return nil
    }
  }
}
