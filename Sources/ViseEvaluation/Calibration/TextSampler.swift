import Synchronization
import ViseFormats
import ViseModels
public import ViseTensor

/// Samples calibration text from the model itself, at temperature 1: no data is needed.
///
/// As LLM-QAT (arXiv:2305.17888, section 2.1) does, but from the start of a text rather than from
/// a random token where the model has a token for that. Sequences are short and sampled many at a
/// time, because each step runs them from their beginning.
public struct TextSampler: Sendable {
  /// Tokens of a sequence; it is also the window of the text.
  public static let sequenceLength = 64
  /// Sequences a worker samples together.
  private static let batchCount = 16

  private let session: ModelSession
  private let seed: UInt64
  private let workers: WorkerSet

  public init(session: ModelSession, seed: UInt64) {
    self.session = session
    self.seed = seed
    workers = WorkerSet(session: session)
  }

  /// At least `tokenCount` tokens in whole sequences; the same for the same seed.
  ///
  /// `progress` is called from worker threads with the steps done and their number.
  public func text(
    tokenCount: Int, cancellation: CancellationFlag,
    progress: @Sendable (Int, Int) -> Void = { _, _ in }
  ) throws -> EvaluationText {
    let tokenizer = try TextLoader(model: session.model).tokenizer()
    let first = tokenizer.addsBeginToken ? tokenizer.beginToken : nil
    let sequences = (tokenCount + Self.sequenceLength - 1) / Self.sequenceLength
    let batches = (sequences + Self.batchCount - 1) / Self.batchCount
    let state = Mutex<(steps: Int, tokens: [Int: [Int32]])>((0, [:]))
    try session.pool.forEach(batches) { batch, worker in
      let range = batch * Self.batchCount..<min((batch + 1) * Self.batchCount, sequences)
      let tokens = try workers.with(worker) { worker in
        try sample(range, first: first, worker, cancellation) {
          progress(
            state.withLock { state in
              state.steps += 1
              return state.steps
            }, batches * Self.sequenceLength)
        }
      }
      state.withLock { $0.tokens[batch] = tokens }
    }
    let tokens = state.withLock { state in (0..<batches).flatMap { state.tokens[$0] ?? [] } }
    return EvaluationText(tokens: tokens, windowLength: Self.sequenceLength, firstToken: first)
  }

  /// The sequences `range`, one after the other; each has a random source of its own.
  private func sample(
    _ range: Range<Int>, first: Int32?, _ worker: Worker, _ cancellation: CancellationFlag,
    step: () -> Void
  ) throws -> [Int32] {
    let head = try session.weights.weight(session.program.graph.head)
    var sources = range.map { RandomSource(seed: RandomSource.mix(seed, $0)) }
    var sequences = sources.indices.map { index in
      [first ?? Int32(sources[index].nextUnit() * Double(head.rows))]
    }
    let logits = Matrix(rows: range.count, columns: head.rows)
    for length in 1..<Self.sequenceLength {
      let features = try worker.executor.features(
        of: TokenBatch(tokens: sequences.flatMap { $0 }, sequenceLength: length),
        weights: session.weights, cancellation: cancellation)
      score(features, length: length, head, into: logits)
      for index in sequences.indices {
        sequences[index].append(
          Self.draw(logits, row: index, at: sources[index].nextUnit()))
      }
      step()
    }
    step()
    return sequences.flatMap { $0 }
  }

  /// Probabilities of the token after each sequence's last.
  private func score(_ features: Matrix, length: Int, _ head: Matrix, into result: Matrix) {
    let count = result.rows
    var sums = [Double](repeating: 0, count: count)
    var best = [Int32](repeating: 0, count: count)
    withExtendedLifetime((features, head, result)) {
      BLAS.multiplyTransposed(
        m: count, n: head.rows, k: head.columns, a: features.row(length - 1),
        strideA: length * features.columns, b: head.pointer, strideB: head.columns,
        c: result.pointer, strideC: head.rows)
      Kernels.logSumExp(
        result.pointer, rows: count, columns: head.rows, stride: head.rows, logSumExp: &sums,
        argmax: &best)
      Kernels.expNormalize(
        result.pointer, rows: count, columns: head.rows, stride: head.rows, logSumExp: sums)
    }
  }

  /// The token at which the running sum of the row's probabilities passes `share`.
  private static func draw(_ probabilities: Matrix, row: Int, at share: Double) -> Int32 {
    withExtendedLifetime(probabilities) {
      let values = probabilities.row(row)
      var sum = 0.0
      var last = 0
      for token in 0..<probabilities.columns where values[token] > 0 {
        sum += Double(values[token])
        last = token
        if sum > share { break }
      }
      return Int32(last)
    }
  }
}

extension RandomSource {
  /// A seed of its own for item `index` of a seeded job.
  static func mix(_ seed: UInt64, _ index: Int) -> UInt64 {
    var outer = RandomSource(seed: seed)
    var inner = RandomSource(seed: outer.next() ^ UInt64(index))
    return inner.next()
  }
}
