public import ViseEvaluation

/// Scores of windows as text, a line a window, numbers to the bit.
///
/// What measures elsewhere writes it; the last line says that nothing was cut off.
public enum WindowScoreFile {
  private static let magic = "vise-scores 1"
  private static let end = "end"

  public static func text(of scores: [WindowScore]) -> String {
    ([magic] + scores.map(line) + [end, ""]).joined(separator: "\n")
  }

  /// `nil` where `text` is no whole file of scores.
  public static func scores(in text: String) -> [WindowScore]? {
    let lines = text.split(separator: "\n")
    guard lines.count >= 2, lines[0] == magic, lines.last.map({ $0 == end }) == true else {
      return nil
    }
    let scores = lines.dropFirst().dropLast().map(score)
    return scores.contains(nil) ? nil : scores.compactMap { $0 }
  }

  private static func line(_ score: WindowScore) -> String {
    let sums = [score.negativeLogLikelihood, score.referenceNegativeLogLikelihood]
    let words =
      ["\(score.window)", "\(score.agreements)"]
      + sums.map { String($0.bitPattern, radix: 16) }
      + [score.divergences.map { String($0.bitPattern, radix: 16) }.joined(separator: ",")]
    return words.joined(separator: " ")
  }

  private static func score(_ line: Substring) -> WindowScore? {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 5, let window = Int(words[0]), let agreements = Int(words[1]),
      let sum = UInt64(words[2], radix: 16), let reference = UInt64(words[3], radix: 16)
    else { return nil }
    let divergences = words[4].split(separator: ",").map { UInt32($0, radix: 16) }
    guard !divergences.contains(nil), window >= 0, 0...divergences.count ~= agreements else {
      return nil
    }
    return WindowScore(
      window: window, negativeLogLikelihood: Double(bitPattern: sum),
      referenceNegativeLogLikelihood: Double(bitPattern: reference),
      divergences: divergences.compactMap { $0.map(Float.init(bitPattern:)) },
      agreements: agreements)
  }
}
