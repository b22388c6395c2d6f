public import ViseEvaluation

/// A text in two parts: plans are chosen on one and judged on the other.
///
/// The best of many plans looks better on the windows it was chosen by than it is; the windows of the
/// second part have no share in the choice.
public struct SearchTexts: Sendable {
  public let selection: EvaluationText
  /// `nil` where the text is too short to be parted.
  public let verification: EvaluationText?

  private static let fewestWindows = 8

  /// How many windows should choose in a search of `seconds`; without a time, as few as ever.
  ///
  /// Of many plans the best on few windows is best by chance: on the sample model at the size of
  /// Q3_K_M, 300 seconds and 32 windows left 11 % less KL on other text than 300 or 7,200 seconds and
  /// 16 windows, which ended with one and the same plan.
  public static func selectionWindows(seconds: Double?) -> Int {
    max(16, Int(min(seconds ?? 0, 1e6) / secondsPerWindow))
  }

  private static let secondsPerWindow = 10.0

  /// - Parameter selectionWindows: at most so many of the first windows choose.
  public init(_ text: EvaluationText, selectionWindows: Int) {
    let length = text.windowLength
    guard text.windowCount >= Self.fewestWindows else {
      selection = text
      verification = nil
      return
    }
    let count = min(selectionWindows, text.windowCount / 2)
    selection = EvaluationText(
      tokens: Array(text.tokens.prefix(count * length)), windowLength: length,
      firstToken: text.firstToken)
    verification = EvaluationText(
      tokens: Array(text.tokens.dropFirst(count * length)), windowLength: length,
      firstToken: text.firstToken)
  }
}
