import Glibc
import ViseCompression
public import ViseFormats
public import ViseGraphs
public import ViseTensor

/// Measures plans of a text encoder on pairs of sentences with known similarity.
///
/// The graph takes `input_ids` and, where it asks for them, `attention_mask` and `token_type_ids`,
/// one text at a time without padding; its first output is a vector a text, or one a token, whose
/// mean is taken.
public struct EncoderEvaluator: Sendable {
  private let program: GraphProgram
  private let sentences: [[Int32]]
  private let pairs: SentencePairs
  private let pool: ComputePool
  private let byteLimit: Int

  /// - Parameters:
  ///   - longest: tokens a text is cut at.
  ///   - byteLimit: bytes that one value of a run may have.
  public init(
    model: GraphModel, tokenizer: Tokenizer, pairs: SentencePairs, longest: Int = 512,
    pool: ComputePool, byteLimit: Int
  ) throws {
    program = try model.program()
    self.pairs = pairs
    self.pool = pool
    self.byteLimit = byteLimit
    sentences = pairs.pairs.flatMap { [$0.first, $0.second] }.map { text in
      let ids = tokenizer.encode(text)
      guard ids.count > longest, let last = ids.last else { return ids }
      return Array(ids.prefix(longest - 1)) + [last]
    }
  }

  /// Runs reference and plan on all sentences.
  ///
  /// - Parameter progress: called with the sentences done, on one of the pool's threads.
  public func measure(
    _ planned: PlannedGraph, cancellation: CancellationFlag,
    progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> EncoderScores {
    let reference = try vectors(program, cancellation, progress: progress)
    let other =
      planned.changed.isEmpty
      ? reference
      : try vectors(try GraphProgram(planned.model), cancellation, progress: progress)
    return EncoderScores(reference: reference, planned: other, scores: pairs.pairs.map(\.score))
  }

  private func vectors(
    _ program: GraphProgram, _ cancellation: CancellationFlag, progress: @Sendable (Int) -> Void
  ) throws -> [[Float]] {
    let parts = PartList<[Float]>(count: sentences.count)
    let memories = (0..<pool.threadCount).map { _ in StoragePool(byteLimit: byteLimit / 8) }
    try pool.forEach(sentences.count) { item, worker in
      let context = GraphContext(
        pool: nil, memory: memories[worker], byteLimit: byteLimit, cancellation: cancellation)
      parts.set(item, to: try vector(sentences[item], program, context))
      progress(item + 1)
    }
    return parts.values
  }

  private func vector(
    _ ids: [Int32], _ program: GraphProgram, _ context: GraphContext
  ) throws -> [Float] {
    let shape = [1, ids.count]
    var given: [String: Tensor] = [:]
    for input in program.inputs {
      switch input.name {
      case "input_ids": given[input.name] = Tensor(shape, ids.map { Int64($0) })
      case "attention_mask":
        given[input.name] = Tensor(shape, [Int64](repeating: 1, count: ids.count))
      case "token_type_ids":
        given[input.name] = Tensor(shape, [Int64](repeating: 0, count: ids.count))
      default: throw GraphError.missingInput(input.name)
      }
    }
    guard let made = try program.run(given, context: context).first, made.type == .float32,
      let width = made.shape.last, width > 0, made.count > 0
    else { throw GraphError.noOutput }
    let values = made.values(Float.self)
    let rows = values.count / width
    return (0..<width).map { column in
      (0..<rows).reduce(Float(0)) { $0 + values[$1 * width + column] } / Float(rows)
    }
  }
}

/// How a plan of an encoder orders pairs of sentences, beside the reference.
public struct EncoderScores: Sendable {
  /// By pair, the cosine of the two sentences' vectors.
  public let reference: [Double]
  public let planned: [Double]
  /// By sentence, the cosine of the reference's vector and the plan's.
  public let agreement: [Double]
  private let scores: [Double]

  /// - Parameter scores: by pair; the vectors of its sentences stand next to each other.
  init(reference: [[Float]], planned: [[Float]], scores: [Double]) {
    self.scores = scores
    func cosines(_ vectors: [[Float]]) -> [Double] {
      scores.indices.map { Self.cosine(vectors[2 * $0], vectors[2 * $0 + 1]) }
    }
    self.reference = cosines(reference)
    self.planned = cosines(planned)
    agreement = zip(reference, planned).map(Self.cosine)
  }

  public var pairCount: Int { scores.count }

  /// Spearman's ρ of cosines and scores.
  public var referenceSpearman: Double { spearmanCorrelation(reference, scores) }
  public var plannedSpearman: Double { spearmanCorrelation(planned, scores) }

  /// A 90 % interval of the plan's ρ less the reference's, by resampling pairs (Efron, 1979).
  public func differenceInterval(draws: Int = 400, seed: UInt64 = 1) -> ClosedRange<Double> {
    var random = RandomSource(seed: seed)
    let differences = (0..<draws).map { _ in
      let chosen = scores.indices.map { _ in Int.random(in: scores.indices, using: &random) }
      let known = chosen.map { scores[$0] }
      return spearmanCorrelation(chosen.map { planned[$0] }, known)
        - spearmanCorrelation(chosen.map { reference[$0] }, known)
    }.sorted()
    return differences[draws / 20]...differences[draws - 1 - draws / 20]
  }

  private static func cosine(_ a: [Float], _ b: [Float]) -> Double {
    var (dot, first, second) = (0.0, 0.0, 0.0)
    for (a, b) in zip(a, b) {
      dot += Double(a) * Double(b)
      first += Double(a) * Double(a)
      second += Double(b) * Double(b)
    }
    return dot / max((first * second).squareRoot(), 1e-30)
  }
}
