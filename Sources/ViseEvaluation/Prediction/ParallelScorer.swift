import Synchronization
import ViseTensor

/// Scores rows under a head on all threads of a pool, a run of rows each.
struct ParallelScorer {
  let pool: ComputePool
  let workers: WorkerSet

  /// Everything later comparisons need of the reference.
  func referenceScores(
    _ features: Matrix, head: Matrix, targets: [Int32], cancellation: CancellationFlag
  ) throws -> ReferenceScores {
    let scores = try score(features, head: head, targets: targets, cancellation: cancellation)
    return ReferenceScores(
      features: features,
      expectedHead: try expectation(
        of: head, under: features, head: head, logSumExp: scores.logSumExp,
        cancellation: cancellation),
      logSumExp: scores.logSumExp, argmax: scores.argmax,
      negativeLogLikelihood: scores.negativeLogLikelihood)
  }

  func score(
    _ features: Matrix, head: Matrix, targets: [Int32], cancellation: CancellationFlag
  ) throws -> HeadScorer.Scores {
    let parts = try map(features.rows) { rows, worker in
      try worker.scorer.score(
        features.rows(rows), head: head, targets: Array(targets[rows]), cancellation: cancellation)
    }
    return HeadScorer.Scores(
      logSumExp: parts.flatMap(\.logSumExp), argmax: parts.flatMap(\.argmax),
      negativeLogLikelihood: parts.flatMap(\.negativeLogLikelihood))
  }

  func expectation(
    of weight: Matrix, under features: Matrix, head: Matrix, logSumExp: [Double],
    cancellation: CancellationFlag
  ) throws -> Matrix {
    Probe.stack(
      try map(features.rows) { rows, worker in
        try worker.scorer.expectation(
          of: weight, under: features.rows(rows), head: head, logSumExp: Array(logSumExp[rows]),
          cancellation: cancellation)
      })
  }

  private func map<Part: Sendable>(
    _ rows: Int, _ body: @Sendable (Range<Int>, Worker) throws -> Part
  ) throws -> [Part] {
    let count = min(pool.threadCount, rows)
    let parts = Mutex<[Int: Part]>([:])
    try pool.forEach(count) { item, worker in
      let range = (item * rows / count)..<((item + 1) * rows / count)
      let part = try workers.with(worker) { try body(range, $0) }
      parts.withLock { $0[item] = part }
    }
    return parts.withLock { parts in (0..<count).compactMap { parts[$0] } }
  }
}
