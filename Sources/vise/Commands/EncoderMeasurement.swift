import ViseCompression
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseModels
import ViseTensor

/// Measures a plan of a text encoder on pairs of sentences.
struct EncoderMeasurement {
  let path: String
  let planPath: String?
  let pairs: String
  let limit: Int?
  let options: RunOptions

  /// The JSON contract.
  struct Report: Encodable {
    let pairs: Int
    let spearman, referenceSpearman, spearmanDifference: Double
    /// Of the difference, at 90 %.
    let interval: [Double]
    /// Of each sentence's vector with the reference's, the mean and the least.
    let cosineMean, cosineLeast: Double
    /// As ONNX files.
    let bytes, referenceBytes: Int
    let seconds, sentencesPerSecond: Double
    let substitutions: [SubstitutionEntry]
  }

  func report() throws -> Report {
    let model = try GraphModel.open(path: path)
    let file = try GraphPlanLoader.load(planPath, model: model)
    let pairs = try SentencePairs(path: pairs, limit: limit)
    let pool = options.pool()
    let evaluator = try EncoderEvaluator(
      model: model, tokenizer: try Tokenizer(checkpoint: Checkpoint.open(path)), pairs: pairs,
      pool: pool, byteLimit: options.memoryByteCount)
    let planned = try PlannedGraph(
      model, plan: file.plan, work: RowWork(pool: pool, cancellation: Interrupt.flag))
    let progress = ProgressLine("measuring sentence")
    let start = ContinuousClock.now
    let scores = try evaluator.measure(planned, cancellation: Interrupt.flag) {
      progress.report($0, of: 2 * pairs.pairs.count)
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let passes = planned.changed.isEmpty ? 1.0 : 2
    let interval = scores.differenceInterval()
    return Report(
      pairs: scores.pairCount, spearman: scores.plannedSpearman,
      referenceSpearman: scores.referenceSpearman,
      spearmanDifference: scores.plannedSpearman - scores.referenceSpearman,
      interval: [interval.lowerBound, interval.upperBound],
      cosineMean: scores.agreement.reduce(0, +) / Double(scores.agreement.count),
      cosineLeast: scores.agreement.min() ?? 1,
      bytes: try ONNXWriter.byteCount(of: planned.model),
      referenceBytes: try ONNXWriter.byteCount(of: model.source), seconds: seconds,
      sentencesPerSecond: passes * Double(2 * scores.pairCount) / seconds,
      substitutions: SubstitutionEntry.list(file) + SubstitutionEntry.list(planned))
  }

  static func printSummary(_ report: Report) {
    for entry in report.substitutions { StandardError.write(entry.sentence + "\n") }
    print("pairs                 \(report.pairs)")
    print("Spearman              \(report.spearman) (reference \(report.referenceSpearman))")
    print(
      "difference            \(report.spearmanDifference) "
        + "(90 % interval \(report.interval[0]) to \(report.interval[1]))")
    print("cosine, mean / least  \(report.cosineMean) / \(report.cosineLeast)")
    print("bytes as ONNX         \(report.bytes) (reference \(report.referenceBytes))")
    print("sentences per second  \(report.sentencesPerSecond)")
  }
}
