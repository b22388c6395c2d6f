import Glibc
import ViseEvaluation

/// The plain sentence a comparison ends with.
struct CompareSentence {
  let outcome: Comparison.Outcome
  let first, second: CompareReport.SideEntry
  let metric: CompareMetric
  let margin: Double?
  let tokens: Int
  let level: Double

  var text: String {
    switch outcome.verdict {
    case .identical:
      "The two are the same: every difference on \(tokens) tokens is exactly 0."
    case .firstIsBetter: better(first, than: second)
    case .secondIsBetter: better(second, than: first)
    case .equivalent:
      "The two differ by less than \(margin ?? 0) nats of \(name) (\(percent)); "
        + "\(sizes(first, second, of: "the first"))."
    case .undecided:
      "The two cannot be told apart by \(name) on \(tokens) tokens (\(percent)); "
        + "\(sizes(first, second, of: "the first"))."
    }
  }

  private var name: String { metric == .divergence ? "KL divergence" : "log loss" }

  private var percent: String { "\(Self.short(100 * level)) % confidence" }

  /// Three significant digits, and no `.0`.
  static func short(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    let exponent = 2 - Int(log10(abs(value)).rounded(.down))
    let scale = pow(10, Double(abs(exponent)))
    let rounded =
      exponent < 0 ? (value / scale).rounded() * scale : (value * scale).rounded() / scale
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
  }

  private func better(
    _ winner: CompareReport.SideEntry, than other: CompareReport.SideEntry
  ) -> String {
    let difference = metric == .divergence ? outcome.divergence ?? outcome.logLoss : outcome.logLoss
    return
      "\(winner.name) is better by \(Self.short(abs(difference.paired.mean))) nats of \(name) a token "
      + "(\(percent), \(tokens) tokens); \(sizes(winner, other, of: "it"))."
  }

  private func sizes(
    _ one: CompareReport.SideEntry, _ other: CompareReport.SideEntry, of subject: String
  ) -> String {
    if one.bytes == other.bytes { return "both take \(one.bytes) bytes" }
    let share = Percentage.text(abs(Double(one.bytes) / Double(max(other.bytes, 1)) - 1))
    return "at \(one.bytes) against \(other.bytes) bytes \(subject) is \(share) "
      + (one.bytes < other.bytes ? "smaller" : "larger")
  }
}
