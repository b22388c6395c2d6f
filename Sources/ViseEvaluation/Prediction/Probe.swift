import Synchronization
import ViseCompression
import ViseModels
import ViseTensor

/// A few short sequences with everything the reference says about them.
///
/// Sequences are spread over the whole text; those a worker runs together form a batch.
final class Probe: Sendable {
  /// Sequences run in one pass, with the reference's values at every cut.
  struct Batch: Sendable {
    let tokens: TokenBatch
    let cuts: [Int: Matrix]
    /// What linear operations read and made, where memory allows to keep it.
    let trace: LinearTrace?
    /// The first of the batch's scored rows among all of the probe's.
    let firstRow: Int
  }

  static let sequenceLength = 64
  static let sequenceCount = 8

  let text: EvaluationText
  let batches: [Batch]
  /// The reference's final features at scored rows.
  let features: Matrix
  let targets: [Int32]
  let sampledHead: SampledHead
  /// What the reference expects at scored rows, where memory allows to keep it.
  let distributions: ReferenceDistributions?
  private let roundedWeights = RoundedWeights()
  private let known: Mutex<ReferenceScores?>
  private let seed: UInt64

  /// Scored rows of one sequence.
  var rowsPerSequence: Int { text.scoredPositions.count }
  var rowCount: Int { features.rows }

  /// Runs the reference over sequences taken from `tokens`.
  init(
    session: ModelSession, tokens: [Int32], firstToken: Int32?, seed: UInt64,
    cancellation: CancellationFlag
  ) throws {
    let text = Self.choose(from: tokens, firstToken: firstToken)
    let workers = WorkerSet(session: session)
    let weights = try session.prepare(Plan(), cancellation: cancellation)
    let head = try weights.weight(session.program.graph.head)
    let keeps = Keeping(session: session, text: text, head: head)
    let groups = Self.groups(sequences: text.windowCount, count: session.pool.threadCount)
    let made = Mutex<[Int: (Batch, Matrix)]>([:])
    try session.pool.forEach(groups.count) { item, worker in
      let group = groups[item]
      let batch = TokenBatch(
        tokens: group.flatMap { text.window($0) }, sequenceLength: text.windowLength)
      var cuts: [Int: Matrix] = [:]
      let (features, trace) = try workers.with(worker) { worker in
        let keep = { (passed: ActivationCheckpoint) in cuts[passed.cut] = passed.value.copy() }
        guard keeps.traces else {
          let features = try worker.executor.features(
            of: batch, weights: weights, cancellation: cancellation, keep: keep)
          return (features, LinearTrace?.none)
        }
        let (features, trace) = try worker.executor.tracedFeatures(
          of: batch, weights: weights, cancellation: cancellation, keep: keep)
        return (features, trace)
      }
      let firstRow = group.lowerBound * text.scoredPositions.count
      let result = (
        Batch(tokens: batch, cuts: cuts, trace: trace, firstRow: firstRow),
        Self.scoredRows(features, text: text)
      )
      made.withLock { $0[item] = result }
    }
    let results = made.withLock { made in groups.indices.compactMap { made[$0] } }
    self.text = text
    self.seed = seed
    batches = results.map(\.0)
    targets = (0..<text.windowCount).flatMap { text.targets($0) }
    let features = Self.stack(results.map(\.1))
    self.features = features
    let distributions =
      keeps.distributions
      ? try ReferenceDistributions(
        features: features, head: head, pool: session.pool, cancellation: cancellation) : nil
    self.distributions = distributions
    let scores =
      distributions == nil
      ? try ParallelScorer(pool: session.pool, workers: workers).referenceScores(
        features, head: head, targets: targets, cancellation: cancellation) : nil
    known = Mutex(scores)
    sampledHead = try SampledHead(
      features: features, head: head,
      logSumExp: distributions?.logSumExp ?? scores?.logSumExp ?? [],
      distributions: distributions, seed: seed, pool: session.pool, cancellation: cancellation)
  }

  /// What of the reference fits into the memory there is for it.
  private struct Keeping {
    let distributions: Bool
    let traces: Bool

    init(session: ModelSession, text: EvaluationText, head: Matrix) {
      let graph = session.program.graph
      let shared = ReferenceDistributions.byteCount(
        rows: text.windowCount * text.scoredPositions.count, vocabulary: head.rows,
        width: head.columns)
      let own =
        LinearTrace.byteCount(of: graph, tokens: text.windowCount * text.windowLength)
        + RoundedWeights.byteCount(of: graph)
      distributions = RoundedWeight.isFast && shared <= session.budget.probe
      traces = distributions && shared + own <= session.budget.probe
    }
  }

  /// The pass of `batch` that later ones are taken to differ from, where weights and biases called
  /// `changed` do; `nil` where it was not kept.
  func knownPass(of batch: Batch, changed: Set<String>) -> KnownPass? {
    batch.trace.map { KnownPass(trace: $0, weights: roundedWeights, changed: changed) }
  }

  /// Everything comparisons under a changed head need, made when first needed.
  func scores(
    head: Matrix, scorer: ParallelScorer, cancellation: CancellationFlag
  ) throws -> ReferenceScores {
    if let found = known.withLock({ $0 }) { return found }
    let made = try scorer.referenceScores(
      features, head: head, targets: targets, cancellation: cancellation)
    known.withLock { $0 = made }
    return made
  }

  /// Names the tokens and all else that the probe's figures depend on.
  var identity: String {
    var hash = WordHash()
    for window in 0..<text.windowCount {
      text.window(window).withUnsafeBytes { hash.combine($0) }
    }
    return "\(hash.hexadecimal) \(text.windowLength) \(text.scoredPositions) "
      + "\(SampledHead.drawsPerRow) \(seed)\(distributions == nil ? "" : " changes")"
  }

  /// Scored rows of a pass's features, sequence after sequence.
  static func scoredRows(_ features: Matrix, text: EvaluationText) -> Matrix {
    let sequences = features.rows / text.windowLength
    return stack(
      (0..<sequences).map { sequence in
        let start = sequence * text.windowLength
        return features.rows(
          (start + text.scoredPositions.lowerBound)..<(start + text.scoredPositions.upperBound))
      })
  }

  static func stack(_ parts: [Matrix]) -> Matrix {
    let columns = parts.first?.columns ?? 0
    let result = Matrix(rows: parts.reduce(0) { $0 + $1.rows }, columns: columns)
    var row = 0
    for part in parts {
      result.row(row).update(from: part.pointer, count: part.count)
      row += part.rows
    }
    return result
  }

  /// Sequences evenly spread over `tokens`, put one after the other.
  private static func choose(from tokens: [Int32], firstToken: Int32?) -> EvaluationText {
    let available = tokens.count / sequenceLength
    let count = min(sequenceCount, available)
    let chosen = (0..<count).flatMap { index in
      let start = index * available / count * sequenceLength
      return tokens[start..<start + sequenceLength]
    }
    return EvaluationText(
      tokens: chosen, windowLength: sequenceLength, firstToken: firstToken)
  }

  private static func groups(sequences: Int, count: Int) -> [Range<Int>] {
    let size = max(1, (sequences + count - 1) / count)
    return stride(from: 0, to: sequences, by: size).map { $0..<min($0 + size, sequences) }
  }
}
