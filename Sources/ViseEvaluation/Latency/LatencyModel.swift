import Glibc
import Synchronization
public import ViseCompression
public import ViseEstimates
public import ViseModels

/// Predicts how fast a plan runs on this machine, batch 1, from how fast the model as loaded does.
///
/// The model as loaded is timed while it really decodes; a plan's time differs by what its products
/// with weights cost more or less, which follows from runs of each kernel. Whatever else a token takes
/// is the same under all plans. Runs of other plans correct this and give the interval.
public final class LatencyModel: LatencyPredicting {
  private struct State {
    var reference: DecodingSpeed?
    /// Seconds the model as loaded took for prompts, by their length: short ones are not read at the
    /// rate of long ones.
    var promptSeconds: [Int: Double] = [:]
    /// By the products of the plan: where they lie makes no difference.
    var speeds: [[DecodingProduct: Int]: DecodingSpeed] = [:]
    var decodeTrials = LatencyTrials()
    var promptTrials = LatencyTrials()
  }

  private let products: DecodingProducts
  private let costs: MachineCosts
  private let reference: ProductWork
  private let state = Mutex(State())
  /// The cost as loaded, and the revision of the costs it holds for.
  private let loaded = Mutex<(revision: Int, cost: ProductWork.Cost)?>(nil)

  /// - Throws: `ModelError` where the model cannot be run.
  public init(model: Model, costs: MachineCosts) throws {
    products = try DecodingProducts(model: model)
    reference = ProductWork(products.counts(of: Plan()))
    self.costs = costs
  }

  /// Kernels that `plan` runs on.
  func kernels(of plan: Plan) -> Set<DecodingProduct.Kernel> {
    Set(products.counts(of: plan).keys.map(\.kernel))
  }

  /// The products with `site` once it is treated.
  func products(of site: Site, under treatment: Treatment) -> [DecodingProduct] {
    products.products(of: site, under: treatment)
  }

  /// Bytes of weights a token is multiplied with.
  func weightByteCount(of plan: Plan) -> Int { ProductWork(products.counts(of: plan)).byteCount }

  /// Takes up how fast the model as loaded ran.
  ///
  /// - Parameter others: the same with prompts of other lengths, for plans that are run with those.
  func useReference(_ speed: DecodingSpeed, others: [DecodingSpeed]) {
    state.withLock { state in
      state.reference = speed
      state.speeds[reference.counts] = speed
      for speed in others + [speed] { state.promptSeconds[speed.promptLength] = speed.promptMedian }
    }
  }

  /// Learns from how fast `plan` ran, if the machine was calm.
  ///
  /// - Parameter isShown: whether the plan's own figure is `speed` from now on.
  func learn(_ speed: DecodingSpeed, of plan: Plan, isShown: Bool = true) {
    let work = ProductWork(products.counts(of: plan))
    guard speed.isCalm, work.counts != reference.counts else { return }
    let change = change(to: work)
    state.withLock { state in
      if isShown { state.speeds[work.counts] = speed }
      guard let change, !change.isBorrowed, let reference = state.reference
      else { return }
      let key = work.counts.hashValue
      state.decodeTrials.add(
        .init(
          change: change.decode, reference: reference.decodeSeconds,
          measured: speed.decodeSeconds), key: key)
      guard let seconds = state.promptSeconds[speed.promptLength] else { return }
      state.promptTrials.add(
        .init(
          change: change.prompt(speed.promptLength), reference: seconds,
          measured: speed.promptMedian), key: key)
    }
  }

  /// Whether `plan`, or one of the same products, was timed.
  func isMeasured(_ plan: Plan) -> Bool {
    let counts = ProductWork(products.counts(of: plan)).counts
    return state.withLock { $0.speeds[counts] != nil }
  }

  public func latency(of plan: Plan) -> LatencyEstimate? {
    let work = ProductWork(products.counts(of: plan))
    let change = change(to: work)
    return state.withLock { state in
      if let speed = state.speeds[work.counts] {
        return LatencyEstimate(
          decodeSecondsPerToken: speed.decodeEstimate,
          prefillTokensPerSecond: speed.prefillEstimate,
          bindingCeiling: change?.ceiling(speed.decodeSeconds) ?? "unknown")
      }
      guard let change else { return nil }
      guard let reference = state.reference else { return Self.prior(change) }
      let length = reference.promptLength
      let decode = state.decodeTrials.seconds(reference.decodeSeconds, change.decode)
      let prompt = state.promptTrials.seconds(reference.promptMedian, change.prompt(length))
      guard !change.isBorrowed else {
        return LatencyEstimate(
          decodeSecondsPerToken: Estimate(value: decode, provenance: .prior),
          prefillTokensPerSecond: Estimate(value: Double(length) / prompt, provenance: .prior),
          bindingCeiling: change.ceiling(decode))
      }
      let provenance = Provenance.predicted(tokens: reference.tokens)
      return LatencyEstimate(
        decodeSecondsPerToken: state.decodeTrials.estimate(decode, provenance: provenance),
        prefillTokensPerSecond: state.promptTrials.estimate(
          Double(length) / prompt, provenance: provenance),
        bindingCeiling: change.ceiling(decode))
    }
  }

  /// What is known before the model itself was timed: its products alone.
  private static func prior(_ change: Change) -> LatencyEstimate {
    let length = KernelCost.promptLength
    let prompt = change.new.prompt.total * Double(length) + change.new.last.total
    return LatencyEstimate(
      decodeSecondsPerToken: Estimate(value: change.new.decode.total, provenance: .prior),
      prefillTokensPerSecond: Estimate(value: Double(length) / prompt, provenance: .prior),
      bindingCeiling: change.ceiling(change.new.decode.total))
  }

  /// What products cost under a plan and as loaded.
  private struct Change {
    let new: ProductWork.Cost
    let old: ProductWork.Cost

    var isBorrowed: Bool { new.isBorrowed || old.isBorrowed }
    var decode: LatencyTrials.Change { new.decode - old.decode }

    func prompt(_ length: Int) -> LatencyTrials.Change {
      (new.prompt - old.prompt) * Double(length) + (new.last - old.last)
    }

    /// What limits a token of `seconds`.
    func ceiling(_ seconds: Double) -> String {
      if new.decode.total < seconds / 2 { return "all but weights" }
      return new.memory > new.decode.total / 3 ? "memory bandwidth" : "kernels"
    }
  }

  private func change(to work: ProductWork) -> Change? {
    let (kernels, curve, revision) = costs.known
    guard let curve, let new = work.cost(kernels, curve) else { return nil }
    let old = loaded.withLock { loaded -> ProductWork.Cost? in
      if let known = loaded, known.revision == revision { return known.cost }
      loaded = reference.cost(kernels, curve).map { (revision, $0) }
      return loaded?.cost
    }
    return old.map { Change(new: new, old: $0) }
  }
}
