import Synchronization
public import ViseTensor

/// Times products with weights on a team of threads, as decoding runs them.
///
/// Weights lie in memory one after the other and are multiplied in turn, so that a footprint larger
/// than the caches is read from memory each time. Their values are of no consequence.
public struct ProductTimer {
  private let team: SpinTeam
  private let pool: ComputePool
  /// The most runs of all weights, and seconds after which no other is begun.
  private static let mostRuns = 7
  /// Bytes of weights that are timed together.
  private static let groupByteCount = 2 << 20
  private static let patience = 0.03

  /// - Parameter pool: where weights are laid out; the team has as many threads and its niceness.
  public init(pool: ComputePool) {
    self.pool = pool
    team = SpinTeam(count: pool.threadCount, niceness: pool.niceness)
  }

  /// Seconds one product takes.
  ///
  /// The weights are gone through in groups, several times; the lower quartile of the groups counts,
  /// so that what else the machine did meanwhile does not.
  ///
  /// - Parameters:
  ///   - tokens: rows of activations.
  ///   - footprint: bytes of weights that are gone through in turn; one weight at least.
  ///   - watch: watches the runs.
  public func seconds(
    for product: DecodingProduct, tokens: Int, footprint: Int, watch: inout ProcessorWatch,
    cancellation: CancellationFlag
  ) throws -> Double {
    try BLAS.load()
    let weights = try weights(like: product, footprint: footprint, cancellation)
    let pass = TimedPass(
      weights: weights, groupLength: max(1, Self.groupByteCount / max(product.byteCount, 1)),
      tokens: tokens, members: team.count)
    var seconds: [Double] = []
    var spent = 0.0
    for run in 0...Self.mostRuns where run < 3 || spent < Self.patience {
      try cancellation.check()
      spent += watch.time { team.run { pass.run($0) } }
      let groups = pass.takeSeconds()
      if run > 0 { seconds += groups }
    }
    return seconds.sorted()[seconds.count / 4]
  }

  private func weights(
    like product: DecodingProduct, footprint: Int, _ cancellation: CancellationFlag
  ) throws -> [DecodingWeight] {
    let count = max(1, footprint / max(product.byteCount, 1))
    let arena = WeightArena()
    let work = RowWork(pool: nil, cancellation: cancellation)
    return try (0..<count).map { _ in
      try cancellation.check()
      return try DecodingWeight(filledFor: product, in: arena, work: work)
    }
  }
}

/// All weights multiplied once, the members meeting after each.
private final class TimedPass: Sendable {
  private let weights: [DecodingWeight]
  private let groupLength: Int
  private let tokens: Int
  private let activations: ByteBuffer
  private let outputs: FloatBuffer
  private let scratch: [FloatBuffer]
  /// Seconds a product, by group.
  private let seconds = Mutex<[Double]>([])

  init(weights: [DecodingWeight], groupLength: Int, tokens: Int, members: Int) {
    self.weights = weights
    self.groupLength = groupLength
    self.tokens = tokens
    let columns = weights[0].columns
    let rowByteCount =
      weights[0].packedType.map { RoundedActivations.rowByteCount(for: $0, columns: columns) }
      ?? 4 * columns
    activations = ByteBuffer(count: rowByteCount * tokens)
    outputs = FloatBuffer(count: weights[0].rowCount * tokens)
    scratch = (0..<members).map { _ in FloatBuffer(count: max(weights[0].scratchCount, 1)) }
  }

  func takeSeconds() -> [Double] {
    seconds.withLock { seconds in
      defer { seconds = [] }
      return seconds
    }
  }

  func run(_ member: SpinTeam.Member) {
    guard let x = activations.storage.baseAddress else { return }
    for first in stride(from: 0, to: weights.count, by: groupLength) {
      let group = weights[first..<min(first + groupLength, weights.count)]
      let start = ContinuousClock.now
      for weight in group {
        _ = weight.multiply(
          x, tokens: tokens, member: member, scratch: scratch[member.index].pointer,
          into: outputs.pointer)
        member.meet()
      }
      guard member.index == 0 else { continue }
      let elapsed = (ContinuousClock.now - start) / .seconds(1)
      seconds.withLock { $0.append(elapsed / Double(group.count)) }
    }
  }
}
