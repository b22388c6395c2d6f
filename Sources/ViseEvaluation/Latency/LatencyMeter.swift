public import ViseCompression
import ViseModels
public import ViseTensor

/// Times on this machine what latency estimates of one model rest on, each thing once.
public final class LatencyMeter {
  public let model: LatencyModel
  private let session: ModelSession
  private let costs: MachineCosts
  private let files: MachineFiles?
  private var isReferenceTimed = false
  /// The plan that was run last, whether or not the machine was calm.
  private var triedPlan: Plan?
  /// Whether nothing else wanted the processors while the model as loaded was timed.
  public private(set) var isCalm = true
  /// Random plans that are run to learn how far off predictions are.
  private var rehearsals: [Plan]

  /// How long a run is.
  private struct Length {
    let prompt: Int
    let generated: Int
    let runs: Int
  }

  private static let full = Length(
    prompt: KernelCost.promptLength, generated: 32, runs: DecodingSpeed.storedRuns)
  private static let short = Length(prompt: 128, generated: 32, runs: 2)
  private static let referenceTries = 3
  private static let rehearsalCount = 10
  private static let seed: UInt64 = 20_260

  /// - Parameter files: where times are kept beyond this session.
  /// - Throws: `ModelError` where the model cannot be run.
  public init(session: ModelSession, files: MachineFiles? = nil) throws {
    self.session = session
    self.files = files
    costs = MachineCosts(pool: session.pool, files: files)
    model = try LatencyModel(model: session.model, costs: costs)
    rehearsals = LatencyPlans.common(
      Self.rehearsalCount, sites: session.model.sites, seed: Self.seed)
  }

  /// Whether weights in the form decoding reads fit into what caches may use.
  private func fits(_ plan: Plan) -> Bool {
    model.weightByteCount(of: plan) <= session.budget.total / 2
  }

  /// Times the model as loaded; false where that was done, or its weights take too much memory.
  public func measureReference(cancellation: CancellationFlag) throws -> Bool {
    guard !isReferenceTimed, fits(Plan()) else { return false }
    let speed = try known("reference") { try timeReference(Self.full, cancellation) }
    let short = try known("short reference") { try timeReference(Self.short, cancellation) }
    isCalm = speed.isCalm && short.isCalm
    model.useReference(speed, others: [short])
    isReferenceTimed = true
    return true
  }

  private func timeReference(
    _ length: Length, _ cancellation: CancellationFlag
  ) throws -> DecodingSpeed {
    var best = try time(Plan(), length, areWeightsMade: true, cancellation)
    for _ in 1..<Self.referenceTries where !best.isCalm {
      let next = try time(Plan(), length, areWeightsMade: true, cancellation)
      if next.isCalm || next.decodeSeconds < best.decodeSeconds { best = next }
    }
    return best
  }

  /// Runs that are left before the machine's speed is known.
  var remainingRuns: Int { rehearsals.count + (isReferenceTimed ? 0 : 1) }

  /// Times one kernel the model as loaded or `plan` needs; false where all are known.
  public func measureKernel(of plan: Plan, cancellation: CancellationFlag) throws -> Bool {
    try measureOne(of: model.kernels(of: Plan()), cancellation)
      || measureOne(of: model.kernels(of: plan), cancellation)
  }

  /// Times one kernel that `treatment` would need at `site`; false where all are known.
  public func measureKernel(
    of treatment: Treatment, at site: Site, cancellation: CancellationFlag
  ) throws -> Bool {
    let products = model.products(of: site, under: treatment)
    return try measureOne(of: Set(products.map(\.kernel)), cancellation)
  }

  private func measureOne(
    of kernels: Set<DecodingProduct.Kernel>, _ cancellation: CancellationFlag
  ) throws -> Bool {
    let missing = kernels.filter { costs.cost(of: $0) == nil }
    guard let next = missing.min(by: { $0.name < $1.name }) else { return false }
    try costs.measure(next, cancellation: cancellation)
    return true
  }

  /// Runs one random plan, of weights that have its formats and any values, and learns from it; false
  /// once enough were run, or where the model as loaded was not.
  public func rehearse(cancellation: CancellationFlag) throws -> Bool {
    guard isReferenceTimed, let plan = rehearsals.last else { return false }
    if try measureKernel(of: plan, cancellation: cancellation) { return true }
    if fits(plan) {
      let speed = try known("rehearsal \(rehearsals.count)") {
        try time(plan, Self.short, areWeightsMade: false, cancellation)
      }
      model.learn(speed, of: plan, isShown: false)
    }
    rehearsals.removeLast()
    return true
  }

  /// Times `plan` itself; false where that was done, cannot be, or something else wanted the
  /// processors.
  ///
  /// Plans that remove channels are run as the larger model here, so their time says nothing.
  public func measure(_ plan: Plan, cancellation: CancellationFlag) throws -> Bool {
    guard !plan.removesChannels, plan != triedPlan, !model.isMeasured(plan), fits(plan) else {
      return false
    }
    triedPlan = plan
    let speed = try time(plan, Self.full, areWeightsMade: true, cancellation)
    model.learn(speed, of: plan)
    return speed.isCalm
  }

  /// Does all that predicting `plan` needs.
  public func prepare(_ plan: Plan, cancellation: CancellationFlag) throws {
    _ = try measureReference(cancellation: cancellation)
    while try measureKernel(of: plan, cancellation: cancellation) {}
    while try rehearse(cancellation: cancellation) {}
  }

  /// The stored speed of this name, or what `time` says, which is kept if the machine was calm.
  private func known(_ name: String, time: () throws -> DecodingSpeed) throws -> DecodingSpeed {
    let key = "\(name) of \(session.identity)"
    let threads = session.pool.threadCount
    let stored = files?.values(key, threads: threads, count: DecodingSpeed.valueCount)
    if let speed = stored.flatMap(DecodingSpeed.init(values:)) { return speed }
    let speed = try time()
    if speed.isCalm { files?.setValues(speed.values, key, threads: threads) }
    return speed
  }

  private func time(
    _ plan: Plan, _ length: Length, areWeightsMade: Bool, _ cancellation: CancellationFlag
  ) throws -> DecodingSpeed {
    let context = session.program.configuration.contextLength
    let prompt = max(1, min(length.prompt, context - 1))
    let generated = max(1, min(length.generated, context - 1))
    let result = try DecodingBenchmark(
      session: session, plan: plan, prompt: prompt, generated: generated, seed: 1,
      areWeightsMade: areWeightsMade, cancellation: cancellation
    ).run(length.runs, cancellation: cancellation)
    return DecodingSpeed(result, promptLength: prompt, generated: generated)
  }
}
