import Glibc
import Synchronization
public import ViseCompression
import ViseModels
public import ViseTensor

/// Measures plans on a text against the reference, from the first site that changed.
///
/// Windows are spread over the session's threads. What the reference says about a window and the
/// activations of the plan last run on it are kept within the session's budget, so measuring a
/// changed plan costs the blocks from its first difference on.
public final class PlanEvaluator: Sendable {
  public let session: ModelSession
  public let text: EvaluationText
  private let checkpoints: CheckpointStore
  private let references: ReferenceCache
  private let workers: WorkerSet

  public init(session: ModelSession, text: EvaluationText) {
    self.session = session
    self.text = text
    let graph = session.program.graph
    let width = session.program.configuration.width
    let scoreBytes = text.scoredPositions.count * (width * 8 + 24)
    let scoreBudget = session.budget.activations / 2
    references = ReferenceCache(windowLimit: scoreBudget / max(scoreBytes, 1))
    checkpoints = CheckpointStore(
      cutCount: graph.cuts.count, windowCount: text.windowCount,
      bytesPerCut: text.windowLength * width * 4,
      byteBudget: session.budget.activations - scoreBudget)
    workers = WorkerSet(session: session)
  }

  /// Measures `plan` on `windows` and returns a score for each, in order.
  ///
  /// `progress` is called from worker threads with the number of windows done.
  /// - Throws: `CancelledError` within one operation of the graph, or `ModelError`.
  public func measure(
    _ plan: Plan, windows: Range<Int>, cancellation: CancellationFlag,
    progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> [WindowScore] {
    let weights = try session.prepare(plan, cancellation: cancellation)
    let results = Mutex<[Int: WindowScore]>([:])
    try session.pool.forEach(windows.count) { item, worker in
      let window = windows.lowerBound + item
      let score = try workers.with(worker) { worker in
        try measure(
          plan, window: window, weights: weights, worker: worker, cancellation: cancellation)
      }
      let done = results.withLock { results in
        results[window] = score
        return results.count
      }
      progress(done)
    }
    return results.withLock { results in windows.compactMap { results[$0] } }
  }

  /// Perplexity of the reference alone, per window: Σ −log p over the scored tokens.
  public func referenceLikelihoods(
    windows: Range<Int>, cancellation: CancellationFlag,
    progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> [Double] {
    let weights = try session.prepare(Plan(), cancellation: cancellation)
    let head = try weights.weight(session.program.graph.head)
    let results = Mutex<[Int: Double]>([:])
    try session.pool.forEach(windows.count) { item, worker in
      let window = windows.lowerBound + item
      let scores = try workers.with(worker) { worker in
        let features = try run(
          Plan(), window: window, weights: weights, worker: worker, cancellation: cancellation)
        return try worker.scorer.score(
          features, head: head, targets: text.targets(window), cancellation: cancellation)
      }
      let done = results.withLock { results in
        results[window] = scores.negativeLogLikelihood.reduce(0, +)
        return results.count
      }
      progress(done)
    }
    return results.withLock { results in windows.compactMap { results[$0] } }
  }

  /// Measures another model of the same tokens, as it is, on `windows` against this reference.
  ///
  /// - Precondition: both have the same text, and pools of as many threads.
  func measure(
    _ other: PlanEvaluator, windows: Range<Int>, cancellation: CancellationFlag
  ) throws -> [WindowScore] {
    precondition(other.session.pool.threadCount == session.pool.threadCount)
    let weights = try other.session.prepare(Plan(), cancellation: cancellation)
    let head = try weights.weight(other.session.program.graph.head)
    let isOtherHead = try !session.weights.weight(session.program.graph.head).hasValues(of: head)
    let results = Mutex<[Int: WindowScore]>([:])
    try session.pool.forEach(windows.count) { item, index in
      let window = windows.lowerBound + item
      let reference = try workers.with(index) { worker in
        try self.reference(window: window, worker: worker, cancellation: cancellation)
      }
      let score = try other.workers.with(index) { worker in
        let features = try other.run(
          Plan(), window: window, weights: weights, worker: worker, cancellation: cancellation)
        return try compare(
          features, head: head, isOtherHead: isOtherHead, window: window, reference: reference,
          scorer: worker.scorer, cancellation: cancellation)
      }
      results.withLock { $0[window] = score }
    }
    return results.withLock { results in windows.compactMap { results[$0] } }
  }

  private func measure(
    _ plan: Plan, window: Int, weights: PlannedWeights, worker: Worker,
    cancellation: CancellationFlag
  ) throws -> WindowScore {
    let reference = try reference(window: window, worker: worker, cancellation: cancellation)
    let features = try run(
      plan, window: window, weights: weights, worker: worker, cancellation: cancellation)
    let changedHead = session.headSite.flatMap { plan.change(of: $0) }
    return try compare(
      features, head: try weights.weight(session.program.graph.head),
      isOtherHead: changedHead != nil, window: window, reference: reference,
      scorer: worker.scorer, cancellation: cancellation)
  }

  /// Compares `features` under `head` with what the reference says of `window`.
  private func compare(
    _ features: Matrix, head: Matrix, isOtherHead: Bool, window: Int,
    reference: ReferenceScores, scorer: HeadScorer, cancellation: CancellationFlag
  ) throws -> WindowScore {
    let scores = try scorer.score(
      features, head: head, targets: text.targets(window), cancellation: cancellation)
    var expected: Matrix?
    if isOtherHead {
      expected = try scorer.expectation(
        of: head, under: reference.features,
        head: try session.weights.weight(session.program.graph.head),
        logSumExp: reference.logSumExp, cancellation: cancellation)
    }
    return WindowScore(
      window: window,
      negativeLogLikelihood: scores.negativeLogLikelihood.reduce(0, +),
      referenceNegativeLogLikelihood: reference.negativeLogLikelihood.reduce(0, +),
      divergences: Divergence.rows(
        reference: reference, features: features, logSumExp: scores.logSumExp,
        expectedUnderChangedHead: expected),
      agreements: zip(scores.argmax, reference.argmax).count { $0 == $1 })
  }

  /// The reference's scores of `window`; its pass also leaves checkpoints for plans to start from.
  private func reference(
    window: Int, worker: Worker, cancellation: CancellationFlag
  ) throws -> ReferenceScores {
    if let found = references.find(window) { return found }
    let graph = session.program.graph
    let head = try session.weights.weight(graph.head)
    let weights = PlannedWeights(
      model: session.model, plan: Plan(), reference: session.weights,
      compressor: session.compressor)
    let features = try run(
      Plan(), window: window, weights: weights, worker: worker, isReference: true,
      cancellation: cancellation)
    let scores = try worker.scorer.score(
      features, head: head, targets: text.targets(window), cancellation: cancellation)
    let result = ReferenceScores(
      features: features,
      expectedHead: try worker.scorer.expectation(
        of: head, under: features, head: head, logSumExp: scores.logSumExp,
        cancellation: cancellation),
      logSumExp: scores.logSumExp, argmax: scores.argmax,
      negativeLogLikelihood: scores.negativeLogLikelihood)
    references.insert(result, window: window)
    return result
  }

  /// Final features of the scored rows of `window` under `plan`, from the latest shared checkpoint.
  private func run(
    _ plan: Plan, window: Int, weights: PlannedWeights, worker: Worker,
    isReference: Bool = false, cancellation: CancellationFlag
  ) throws -> Matrix {
    // Rounded activations part from the reference's at the first layer.
    let isShared = session.arithmetic == .float32 || isReference
    let start =
      !isShared
      ? nil
      : checkpoints.start(window: window, plan: plan) { plan, other in
        session.lastCut(before: plan, from: other)
      }
    var kept: [Int: Matrix] = [:]
    let features = try worker.executor.features(
      of: TokenBatch(tokens: text.window(window), sequenceLength: text.windowLength),
      weights: weights, from: start, cancellation: cancellation
    ) { checkpoint in
      if isShared, checkpoints.keeps(cut: checkpoint.cut, window: window) {
        kept[checkpoint.cut] = worker.copy(checkpoint.value)
      }
    }
    if isShared {
      worker.recycle(
        checkpoints.replace(window: window, plan: plan, after: start?.cut, with: kept))
    }
    let scored = features.rows(text.scoredPositions)
    if let type = weights.activationType(for: session.program.graph.head) {
      withExtendedLifetime(scored) {
        Kernels.roundActivations(scored.pointer, count: scored.count, as: type)
      }
    }
    return scored
  }
}

extension Matrix {
  /// Equal in shape and in every bit.
  fileprivate func hasValues(of other: Matrix) -> Bool {
    guard rows == other.rows, columns == other.columns else { return false }
    return withExtendedLifetime((self, other)) {
      memcmp(pointer, other.pointer, count * MemoryLayout<Float>.stride) == 0
    }
  }
}

/// One worker's executor and scorer with their scratch memory.
final class Worker {
  let executor: Executor
  let scorer = HeadScorer()
  /// Storage of displaced checkpoints: fresh pages cost more than the copy itself.
  private var spare: [Matrix] = []

  init(session: ModelSession) {
    executor = Executor(graph: session.program.graph, ropeTables: session.ropeTables)
  }

  /// A copy of `matrix`, in spare storage where there is some.
  func copy(_ matrix: Matrix) -> Matrix {
    guard let result = spare.popLast(), result.rows == matrix.rows,
      result.columns == matrix.columns
    else { return matrix.copy() }
    withExtendedLifetime(matrix) {
      result.pointer.update(from: matrix.pointer, count: matrix.count)
    }
    return result
  }

  /// Takes matrices nobody reads any more; at most one window's are kept.
  func recycle(_ matrices: [Matrix]) {
    spare = matrices
  }
}

/// A worker for each thread of the session's pool.
final class WorkerSet {
  private let workers: [Worker]

  init(session: ModelSession) {
    workers = (0..<session.pool.threadCount).map { _ in Worker(session: session) }
  }

  func with<Result>(_ index: Int, _ body: (Worker) throws -> Result) rethrows -> Result {
    try body(workers[index])
  }
}

// SAFETY: A pool never runs two items with the same worker index at a time, and runs one round at
// a time, so each worker is used by one thread at a time.
extension WorkerSet: @unchecked Sendable {}

/// Reference scores of the first windows of a text.
final class ReferenceCache: Sendable {
  private let windowLimit: Int
  private let entries = Mutex<[Int: ReferenceScores]>([:])

  init(windowLimit: Int) {
    self.windowLimit = windowLimit
  }

  func find(_ window: Int) -> ReferenceScores? { entries.withLock { $0[window] } }

  func insert(_ scores: ReferenceScores, window: Int) {
    guard window < windowLimit else { return }
    entries.withLock { $0[window] = scores }
  }
}
