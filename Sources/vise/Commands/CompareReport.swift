import Glibc
import ViseEstimates
import ViseEvaluation

/// What `vise compare` prints.
struct CompareReport: Encodable {
  struct SideEntry: Encodable {
    let name: String
    let bytes: Int
    let target: String
    let perplexity: Double
    let klMean: Double?
  }

  /// Second less first, in nats a token.
  struct DifferenceEntry: Encodable {
    let mean: Double
    let interval: [Double]?
    /// Half width of the interval without pairing, and over that with it.
    let unpairedHalfWidth, timesNarrower: Double?

    init(_ difference: PairedDifference) {
      mean = difference.paired.mean
      interval = difference.paired.interval.map { [$0.lower, $0.upper] }
      unpairedHalfWidth = difference.unpairedHalfWidth
      timesNarrower = difference.narrowing
    }
  }

  struct Differences: Encodable {
    let logLoss: DifferenceEntry
    let klMean: DifferenceEntry?
  }

  let first, second: SideEntry
  let difference: Differences
  /// `first`, `second`, `identical`, `equivalent` or `undecided`.
  let better: String
  let decidedBy: CompareMetric
  let verdict: String
  let tokens, windows, totalWindows: Int
  let stoppedEarly: Bool
  /// The probability that all looks' intervals hold, and that of the intervals printed.
  let level, intervalLevel: Double
  /// Windows at the planned looks.
  let looks: [Int]
  let seconds: Double

  init(
    _ outcome: Comparison.Outcome, sides: [ComparedSide], metric: CompareMetric, margin: Double?,
    schedule: LookSchedule, text: EvaluationText, seconds: Double
  ) {
    first = Self.entry(sides[0], outcome.first)
    second = Self.entry(sides[1], outcome.second)
    difference = Differences(
      logLoss: DifferenceEntry(outcome.logLoss),
      klMean: outcome.divergence.map { DifferenceEntry($0) })
    better =
      switch outcome.verdict {
      case .identical: "identical"
      case .firstIsBetter: "first"
      case .secondIsBetter: "second"
      case .equivalent: "equivalent"
      case .undecided: "undecided"
      }
    decidedBy = metric
    windows = outcome.windows
    totalWindows = outcome.totalWindows
    tokens = outcome.windows * text.windowLength
    stoppedEarly = outcome.windows < outcome.totalWindows
    level = schedule.level
    intervalLevel = outcome.lookLevel
    looks = schedule.looks.map(\.windows)
    self.seconds = seconds
    verdict =
      CompareSentence(
        outcome: outcome, first: first, second: second, metric: metric, margin: margin,
        tokens: outcome.windows * text.windowLength, level: schedule.level
      ).text
  }

  private static func entry(_ side: ComparedSide, _ figures: Comparison.Side) -> SideEntry {
    SideEntry(
      name: side.name, bytes: side.byteCount, target: side.target,
      perplexity: exp(figures.logLoss.mean), klMean: figures.divergence?.mean)
  }

  func printSummary() {
    for side in [first, second] {
      let kl = side.klMean.map { ", KL \(CompareSentence.short($0)) nats" } ?? ""
      print(
        ErrorText.printable(
          "\(side.name): \(side.bytes) bytes as \(side.target), "
            + "perplexity \(CompareSentence.short(side.perplexity))\(kl)"))
    }
    Self.printLine("log loss", difference.logLoss)
    difference.klMean.map { Self.printLine("KL", $0) }
    print(
      "windows     \(windows) of \(totalWindows), \(tokens) tokens, in \(CompareSentence.short(seconds)) s"
    )
    print(ErrorText.printable(verdict))
  }

  private static func printLine(_ name: String, _ entry: DifferenceEntry) {
    var line = "second less first, \(name): \(CompareSentence.short(entry.mean)) nats a token"
    if let interval = entry.interval {
      line += " in [\(interval.map(CompareSentence.short).joined(separator: ", "))]"
    }
    if let times = entry.timesNarrower {
      line += ", \(CompareSentence.short(times)) times narrower than unpaired"
    }
    print(line)
  }
}
