import ArgumentParser
import ViseCompression
import ViseEvaluation

/// A text on which a plan must leave the model's outputs as they are: a guard on any treatment.
struct PreservationOptions: ParsableArguments {
  @Option(help: "A text whose outputs must not change; the exit code is 1 where they do.")
  var preserve: String?

  @Option(help: "The mean KL divergence, in nats, that is no change on the preserved text.")
  var maxKl: Double?

  /// What became of the preserved text.
  struct Entry: Encodable {
    let tokens: Int
    let klMean, klP99, maxKl: Double
    let isKept: Bool

    enum CodingKeys: String, CodingKey {
      case tokens, klMean, maxKl
      case klP99 = "kl_p99"
      case isKept = "kept"
    }
  }

  func validate() throws {
    guard (preserve == nil) == (maxKl == nil) else {
      throw ValidationError("--preserve and --max-kl go together")
    }
    if let maxKl, !(maxKl >= 0) { throw ValidationError("--max-kl takes nats, 0 or more") }
  }

  /// Measures `plan` on the preserved text; `nil` where there is none.
  func entry(_ plan: Plan, session: ModelSession, windowLength: Int) throws -> Entry? {
    guard let preserve, let maxKl else { return nil }
    let text = try TextLoader(model: session.model).load(
      path: preserve, windowLength: windowLength, limit: nil)
    let windows = text.windowCount
    let progress = ProgressLine("measuring preserved window")
    let quality = MeasuredQuality(
      try PlanEvaluator(session: session, text: text).measure(
        plan, windows: 0..<windows, cancellation: Interrupt.flag
      ) { progress.report($0, of: windows) }, windowLength: windowLength)
    let mean = quality.klMean.mean
    return Entry(
      tokens: windows * windowLength, klMean: mean, klP99: quality.kl99, maxKl: maxKl,
      isKept: mean <= maxKl)
  }
}
