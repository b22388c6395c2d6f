public import ViseCompression
public import ViseModels
public import ViseTensor

/// Times a model under a plan while it really reads and writes tokens.
public struct DecodingBenchmark {
  /// Several runs of one figure.
  public struct Figure: Hashable, Sendable {
    public let runs: [Double]

    public var median: Double { runs.sorted()[runs.count / 2] }
    public var range: [Double] { [runs.min() ?? .nan, runs.max() ?? .nan] }
  }

  public struct Result: Sendable {
    /// Tokens a second.
    public let prefill: Figure
    /// Tokens a second, generated from an empty context.
    public let decode: Figure
    /// Seconds from the prompt to the first token chosen.
    public let timeToFirstToken: Figure
    public let weightByteCount: Int
    public let cacheByteCount: Int
  }

  private let decoder: Decoder
  private let prompt: [Int32]
  private let generated: Int

  /// - Parameters:
  ///   - prompt: tokens of the prompt, chosen at random with `seed`.
  ///   - generated: tokens to generate.
  public init(
    session: ModelSession, plan: Plan, prompt: Int, generated: Int, seed: UInt64,
    cancellation: CancellationFlag
  ) throws {
    precondition(prompt > 0 && generated > 0)
    decoder = try session.decoder(
      plan: plan, capacity: max(prompt, generated) + 1, cancellation: cancellation)
    self.generated = generated
    var random = RandomSource(seed: seed)
    let vocabulary = Double(session.program.configuration.vocabularyCount)
    self.prompt = (0..<prompt).map { _ in Int32(random.nextUnit() * vocabulary) }
  }

  /// Runs everything once unmeasured, then `runs` times.
  public func run(_ runs: Int, cancellation: CancellationFlag) throws -> Result {
    precondition(runs > 0)
    var (prefill, decode, first): ([Double], [Double], [Double]) = ([], [], [])
    for run in 0...runs {
      let times = (try readPrompt(cancellation), try generate(cancellation))
      guard run > 0 else { continue }
      prefill.append(Double(prompt.count) / times.0.read)
      first.append(times.0.chosen)
      decode.append(Double(generated) / times.1)
    }
    return Result(
      prefill: Figure(runs: prefill), decode: Figure(runs: decode),
      timeToFirstToken: Figure(runs: first), weightByteCount: decoder.weightByteCount,
      cacheByteCount: decoder.cacheByteCount)
  }

  /// Seconds until the prompt was read, and until a token was chosen.
  private func readPrompt(
    _ cancellation: CancellationFlag
  ) throws -> (read: Double, chosen: Double) {
    try cancellation.check()
    decoder.reset()
    var sampler = TokenSampler.greedy
    let start = ContinuousClock.now
    try decoder.read(prompt)
    let read = (ContinuousClock.now - start) / .seconds(1)
    _ = decoder.withLogits { sampler.choose($0) }
    return (read, (ContinuousClock.now - start) / .seconds(1))
  }

  /// Seconds to generate from the prompt's first token.
  private func generate(_ cancellation: CancellationFlag) throws -> Double {
    decoder.reset()
    var sampler = TokenSampler.greedy
    var token = prompt[0]
    let start = ContinuousClock.now
    for _ in 0..<generated {
      try cancellation.check()
      try decoder.read([token])
      token = decoder.withLogits { sampler.choose($0) }
    }
    return (ContinuousClock.now - start) / .seconds(1)
  }
}

extension ModelSession {
  /// Something that generates text from the model under `plan`, on as many threads as the pool has.
  public func decoder(
    plan: Plan, capacity: Int, cancellation: CancellationFlag
  ) throws -> Decoder {
    try Decoder(
      model: model, plan: plan, compressor: compressor, capacity: capacity,
      threads: pool.threadCount, pool: pool, cancellation: cancellation)
  }
}
