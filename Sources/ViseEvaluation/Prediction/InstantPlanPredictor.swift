import Synchronization
public import ViseCompression
public import ViseEstimates
import ViseTensor

/// Predicts latency from formats alone, without running anything.
public protocol LatencyPredicting: Sendable {
  /// `nil` until the machine's speed is known.
  func latency(of plan: Plan) -> LatencyEstimate?
}

/// Answers within a frame what a plan costs, from the effects known so far.
///
/// Keeps the sum of feature shifts of the last plan asked for, so an edit costs what it changes.
public final class InstantPlanPredictor: InstantPredictor {
  private struct Contribution {
    var shift: FeatureShift?
    var factor: Float = 0
    /// Divergence that is added rather than superposed, in nats.
    var addedKL = 0.0
    var isMeasured = true
  }

  private struct State {
    var sum: [Float]
    var contributions: [Int: Contribution] = [:]
    var formats: [Int: NumberFormat] = [:]
  }

  private let sites: [Site]
  private let headSite: Site?
  private let effects: SiteEffects
  private let sampledHead: SampledHead
  private let rows: Int
  private let width: Int
  private let latency: any LatencyPredicting
  private let state: Mutex<State>

  init(
    sites: [Site], headSite: Site?, effects: SiteEffects, sampledHead: SampledHead, rows: Int,
    width: Int, latency: any LatencyPredicting
  ) {
    self.sites = sites
    self.headSite = headSite
    self.effects = effects
    self.sampledHead = sampledHead
    self.rows = rows
    self.width = width
    self.latency = latency
    state = Mutex(State(sum: [Float](repeating: 0, count: rows * width)))
  }

  public func predict(_ plan: Plan) -> (quality: QualityEstimate?, latency: LatencyEstimate?) {
    (quality(of: plan), latency.latency(of: plan))
  }

  private func quality(of plan: Plan) -> QualityEstimate? {
    state.withLock { state in
      for site in sites {
        guard update(&state, site, to: plan.newFormat(for: site)) else { return nil }
      }
      let superposed =
        state.contributions.values.contains { $0.shift != nil }
        ? sampledHead.klMean(state.sum, width: width) : 0
      let value = state.contributions.values.reduce(superposed) { $0 + $1.addedKL }
      let isMeasured = state.contributions.values.allSatisfy(\.isMeasured)
      return QualityEstimate(
        klMean: Estimate(
          value: value, provenance: isMeasured ? .predicted(tokens: rows) : .prior))
    }
  }

  /// Makes `site` count with `format`; false where nothing is known about it yet.
  private func update(_ state: inout State, _ site: Site, to format: NumberFormat?) -> Bool {
    let isUpToDate =
      state.formats[site.index] == format
      && (state.contributions[site.index]?.isMeasured ?? true)
    if isUpToDate { return true }
    remove(&state, site)
    guard let format else { return true }
    guard let contribution = contribution(of: site, in: format) else { return false }
    contribution.shift.map { shift in
      state.sum.withUnsafeMutableBufferPointer { sum in
        if let start = sum.baseAddress { shift.add(to: start, factor: contribution.factor) }
      }
    }
    state.contributions[site.index] = contribution
    state.formats[site.index] = format
    return true
  }

  private func remove(_ state: inout State, _ site: Site) {
    state.formats[site.index] = nil
    guard let old = state.contributions.removeValue(forKey: site.index), let shift = old.shift
    else { return }
    if state.contributions.isEmpty {
      for index in state.sum.indices { state.sum[index] = 0 }
      return
    }
    state.sum.withUnsafeMutableBufferPointer { sum in
      if let start = sum.baseAddress { shift.add(to: start, factor: -old.factor) }
    }
  }

  /// The head's own values do not act through the features, so its divergence is added.
  private func contribution(of site: Site, in format: NumberFormat) -> Contribution? {
    let isHead = site.index == headSite?.index
    switch effects.known(site, format) {
    case .measured(let effect):
      return isHead
        ? Contribution(addedKL: effect.klMean)
        : Contribution(shift: effect.shift, factor: 1)
    case .interpolated(let effect, let factor):
      return isHead
        ? Contribution(addedKL: effect.klMean * Double(factor * factor), isMeasured: false)
        : Contribution(shift: effect.shift, factor: factor, isMeasured: false)
    case .prior(let klMean):
      return Contribution(addedKL: klMean, isMeasured: false)
    case nil:
      return nil
    }
  }
}
