public import ViseCompression
public import ViseTensor

/// Generates text from a model under a plan, its weights in the bits they are stored in.
///
/// Runs on a team of threads of its own, which sleeps between calls. One caller at a time.
public final class Decoder {
  /// Tokens that go through the graph together when a prompt is read.
  public static let batchLength = 512

  /// Positions there is room for.
  public let capacity: Int
  /// The next token's position.
  public private(set) var position = 0
  /// Bytes of the weights each token is multiplied with.
  public let weightByteCount: Int
  /// Bytes of the keys and values of all positions.
  public let cacheByteCount: Int
  /// What each token is multiplied with, in the order of the graph.
  public let products: [DecodingProduct]

  private let schedule: DecodingSchedule
  private let vocabulary: Int
  private let team: SpinTeam
  private let buffers: [ByteBuffer]
  private let scratch: [FloatBuffer]

  /// - Parameters:
  ///   - compressor: makes the sites the plan treats; without one they have any values, which is
  ///     enough to be timed; the plan then removes no channels.
  ///   - capacity: the most positions a text may have.
  ///   - threads: members of the team.
  ///   - pool: where weights are made and laid out.
  public init(
    model: Model, plan: Plan, compressor: SiteCompressor?, capacity: Int, threads: Int,
    pool: ComputePool, cancellation: CancellationFlag
  ) throws {
    precondition(capacity > 0 && threads > 0)
    try BLAS.load()
    let program = try model.program.get()
    var decoding = DecodingProgram(
      graph: program.graph,
      weights: DecodingWeights(
        model: model, plan: plan, compressor: compressor, pool: pool, cancellation: cancellation,
        products: try DecodingProducts(model: model)),
      ropeTables: RopeTableCache(), capacity: capacity)
    let schedule = try decoding.schedule()
    self.schedule = schedule
    self.capacity = capacity
    vocabulary = program.configuration.vocabularyCount
    weightByteCount = decoding.weightByteCount
    cacheByteCount = decoding.cacheByteCount
    products = decoding.products
    let rows = min(capacity, Self.batchLength)
    buffers = schedule.places.map {
      ByteBuffer(count: $0.rowByteCount * ($0.isLastOnly ? 1 : rows))
    }
    let attention = program.graph.nodes.compactMap { node in
      if case .attention(let shape) = node.operation {
        DecodingAttention.scratchCount(shape, capacity: capacity)
      } else {
        nil
      }
    }
    let scratchCount = max(decoding.scratchCount, attention.max() ?? 0)
    scratch = (0..<threads).map { _ in FloatBuffer(count: scratchCount) }
    team = SpinTeam(count: threads, niceness: pool.niceness)
  }

  /// Forgets all tokens.
  public func reset() { position = 0 }

  /// Reads `tokens` after those before; `logits` are then those after the last one.
  public func read(_ tokens: [Int32]) throws {
    guard position + tokens.count <= capacity else {
      throw ModelError.tokenOutOfRange(token: position + tokens.count - 1, vocabulary: capacity)
    }
    if let token = tokens.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
      throw ModelError.tokenOutOfRange(token: Int(token), vocabulary: vocabulary)
    }
    for start in stride(from: 0, to: tokens.count, by: Self.batchLength) {
      let batch = Array(tokens[start..<min(start + Self.batchLength, tokens.count)])
      let pass = DecodingPass(
        schedule: schedule, buffers: buffers, scratch: scratch, tokens: batch,
        position: position)
      team.run { pass.run($0) }
      position += batch.count
    }
  }

  /// The logits after the last token read, by token.
  public func withLogits<Result>(_ body: (UnsafeBufferPointer<Float>) -> Result) -> Result {
    let place = schedule.logits
    let count = schedule.places[place].width
    return withExtendedLifetime(buffers[place]) {
      body(UnsafeBufferPointer(rebasing: $0.storage.bindMemory(to: Float.self)[..<count]))
    }
  }
}
