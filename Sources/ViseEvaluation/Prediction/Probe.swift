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
    /// The first of the batch's scored rows among all of the probe's.
    let firstRow: Int
  }

  static let sequenceLength = 64
  static let sequenceCount = 8

  let text: EvaluationText
  let batches: [Batch]
  let reference: ReferenceScores
  let targets: [Int32]
  let sampledHead: SampledHead
  private let seed: UInt64

  /// Scored rows of one sequence.
  var rowsPerSequence: Int { text.scoredPositions.count }
  var rowCount: Int { reference.features.rows }

  /// Runs the reference over sequences taken from `tokens`.
  init(
    session: ModelSession, tokens: [Int32], firstToken: Int32?, seed: UInt64,
    cancellation: CancellationFlag
  ) throws {
    let text = Self.choose(from: tokens, firstToken: firstToken)
    let workers = WorkerSet(session: session)
    let weights = try session.prepare(Plan(), cancellation: cancellation)
    let groups = Self.groups(sequences: text.windowCount, count: session.pool.threadCount)
    let made = Mutex<[Int: (Batch, Matrix)]>([:])
    try session.pool.forEach(groups.count) { item, worker in
      let group = groups[item]
      let batch = TokenBatch(
        tokens: group.flatMap { text.window($0) }, sequenceLength: text.windowLength)
      var cuts: [Int: Matrix] = [:]
      let features = try workers.with(worker) { worker in
        try worker.executor.features(of: batch, weights: weights, cancellation: cancellation) {
          cuts[$0.cut] = $0.value.copy()
        }
      }
      let firstRow = group.lowerBound * text.scoredPositions.count
      let result = (
        Batch(tokens: batch, cuts: cuts, firstRow: firstRow),
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
    let head = try weights.weight(session.program.graph.head)
    let scorer = ParallelScorer(pool: session.pool, workers: workers)
    reference = try scorer.referenceScores(
      features, head: head, targets: targets, cancellation: cancellation)
    sampledHead = try SampledHead(
      features: features, head: head, logSumExp: reference.logSumExp, seed: seed,
      pool: session.pool, cancellation: cancellation)
  }

  /// Names the tokens and all else that the probe's figures depend on.
  var identity: String {
    var hash = WordHash()
    for window in 0..<text.windowCount {
      text.window(window).withUnsafeBytes { hash.combine($0) }
    }
    return "\(hash.hexadecimal) \(text.windowLength) \(text.scoredPositions) "
      + "\(SampledHead.drawsPerRow) \(seed)"
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
