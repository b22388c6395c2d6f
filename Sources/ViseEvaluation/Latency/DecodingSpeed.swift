import Glibc
import ViseEstimates

/// How fast something really decoded, in several runs.
struct DecodingSpeed: Hashable, Sendable {
  /// Seconds a generated token, a value a run.
  let secondsPerToken: [Double]
  /// Seconds until the prompt was read, a value a run.
  let promptSeconds: [Double]
  let promptLength: Int
  /// Tokens generated in all runs.
  let tokens: Int
  /// Whether nothing else wanted the processors.
  let isCalm: Bool

  init(
    secondsPerToken: [Double], promptSeconds: [Double], promptLength: Int, tokens: Int,
    isCalm: Bool = true
  ) {
    precondition(secondsPerToken.count == promptSeconds.count && !promptSeconds.isEmpty)
    self.secondsPerToken = secondsPerToken
    self.promptSeconds = promptSeconds
    self.promptLength = promptLength
    self.tokens = tokens
    self.isCalm = isCalm
  }

  init(_ result: DecodingBenchmark.Result, promptLength: Int, generated: Int) {
    self.init(
      secondsPerToken: result.medianTokens,
      promptSeconds: result.prefill.runs.map { Double(promptLength) / $0 },
      promptLength: promptLength, tokens: generated * result.decode.runs.count,
      isCalm: result.isCalm)
  }

  var decodeSeconds: Double { Self.median(secondsPerToken) }
  /// Seconds until the prompt was read.
  var promptMedian: Double { Self.median(promptSeconds) }

  /// Seconds a token, as they were measured.
  var decodeEstimate: Estimate {
    Estimate(
      value: decodeSeconds, interval: Self.interval(secondsPerToken, around: decodeSeconds),
      provenance: .measured(tokens: tokens, of: tokens))
  }

  /// Prompt tokens a second, as they were measured.
  var prefillEstimate: Estimate {
    let rates = promptSeconds.map { Double(promptLength) / $0 }
    let median = Self.median(rates)
    let read = promptLength * promptSeconds.count
    return Estimate(
      value: median, interval: Self.interval(rates, around: median),
      provenance: .measured(tokens: read, of: read))
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  /// In logarithms: a time has no interval below zero, however much the runs differ.
  private static func interval(_ values: [Double], around median: Double) -> Interval? {
    MeanInterval(sums: values.map { log($0) }, weights: values.map { _ in 1 })
      .exponential.interval.map {
        Interval(lower: min($0.lower, median), upper: max($0.upper, median), level: $0.level)
      }
  }
}

extension DecodingSpeed {
  /// The most runs a stored speed has; one of fewer repeats its last.
  static let storedRuns = 3
  static var valueCount: Int { 2 * storedRuns + 2 }

  var values: [Double] {
    padded(secondsPerToken) + padded(promptSeconds) + [Double(promptLength), Double(tokens)]
  }

  private func padded(_ runs: [Double]) -> [Double] {
    runs + [Double](repeating: runs[runs.count - 1], count: Self.storedRuns - runs.count)
  }

  /// - Parameter values: as another speed of `storedRuns` runs has them.
  init?(values: [Double]) {
    let runs = Self.storedRuns
    guard values.count == Self.valueCount, values.allSatisfy({ $0 > 0 && $0 < 1e9 }) else {
      return nil
    }
    self.init(
      secondsPerToken: Array(values[..<runs]), promptSeconds: Array(values[runs..<2 * runs]),
      promptLength: Int(values[2 * runs]), tokens: Int(values[2 * runs + 1]))
  }
}
