public import ViseCompression
import ViseModels
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
    /// Seconds of the median token of each run, which pauses of the machine do not change.
    let medianTokens: [Double]
    /// Seconds from the prompt to the first token chosen.
    public let timeToFirstToken: Figure
    public let weightByteCount: Int
    public let cacheByteCount: Int
    /// Whether nothing else wanted the processors; else the figures say little of an idle machine.
    public let isCalm: Bool
  }

  private let decoder: Decoder
  private let prompt: [Int32]
  private let generated: Int
  private let threadCount: Int

  /// - Parameters:
  ///   - prompt: tokens of the prompt, chosen at random with `seed`.
  ///   - generated: tokens to generate.
  ///   - areWeightsMade: without it treated sites have any values, which are as fast.
  public init(
    session: ModelSession, plan: Plan, prompt: Int, generated: Int, seed: UInt64,
    areWeightsMade: Bool = true, cancellation: CancellationFlag
  ) throws {
    precondition(prompt > 0 && generated > 0)
    decoder = try Decoder(
      model: session.model, plan: plan, compressor: areWeightsMade ? session.compressor : nil,
      capacity: max(prompt, generated) + 1, threads: session.pool.threadCount,
      pool: session.pool, cancellation: cancellation)
    threadCount = session.pool.threadCount
    self.generated = generated
    var random = RandomSource(seed: seed)
    let vocabulary = Double(session.program.configuration.vocabularyCount)
    self.prompt = (0..<prompt).map { _ in Int32(random.nextUnit() * vocabulary) }
  }

  /// Runs everything once unmeasured, then `runs` times.
  public func run(_ runs: Int, cancellation: CancellationFlag) throws -> Result {
    precondition(runs > 0)
    var (prefill, decode): ([Double], [Double]) = ([], [])
    var (first, medians): ([Double], [Double]) = ([], [])
    var watch = ProcessorWatch(threads: threadCount)
    for run in 0...runs {
      var times = (read: 0.0, chosen: 0.0, tokens: [Double]())
      _ = try watch.time {
        (times.read, times.chosen) = try readPrompt(cancellation)
        times.tokens = try generate(cancellation)
      }
      guard run > 0 else { continue }
      prefill.append(Double(prompt.count) / times.read)
      first.append(times.chosen)
      decode.append(Double(generated) / times.tokens.reduce(0, +))
      medians.append(times.tokens.sorted()[generated / 2])
    }
    return Result(
      prefill: Figure(runs: prefill), decode: Figure(runs: decode), medianTokens: medians,
      timeToFirstToken: Figure(runs: first), weightByteCount: decoder.weightByteCount,
      cacheByteCount: decoder.cacheByteCount, isCalm: watch.isCalm)
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

  /// Seconds of each token generated from the prompt's first one.
  private func generate(_ cancellation: CancellationFlag) throws -> [Double] {
    decoder.reset()
    var sampler = TokenSampler.greedy
    var token = prompt[0]
    return try (0..<generated).map { _ in
      try cancellation.check()
      let start = ContinuousClock.now
      try decoder.read([token])
      token = decoder.withLogits { sampler.choose($0) }
      return (ContinuousClock.now - start) / .seconds(1)
    }
  }
}
