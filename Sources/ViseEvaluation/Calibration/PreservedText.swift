/// Calibration on two texts, the second of which must fare well whatever becomes of the first.
///
/// A preservation set, as self-compression guided by safety data has it: inputs whose outputs must not
/// change take a share of their own in E[x xᵀ], however short they are, so that every solver that
/// reads it protects them. Windows of the preserved text are repeated until they have that share.
public struct PreservedText: Sendable {
  /// Both texts, in the windows of the first.
  public let text: EvaluationText
  /// The share of the windows that are preserved ones, as near as whole repetitions come.
  public let share: Double
  /// How often the preserved text is repeated.
  public let repetitions: Int

  /// - Parameters:
  ///   - share: above 0 and below 1.
  ///   - preserved: windows of the same length as `text`'s.
  public init(_ preserved: EvaluationText, in text: EvaluationText, share: Double) {
    let (own, other) = (text.windowCount, preserved.windowCount)
    precondition(share > 0 && share < 1 && preserved.windowLength == text.windowLength)
    precondition(own > 0 && other > 0)
    repetitions = max(1, Int((share / (1 - share) * Double(own) / Double(other)).rounded()))
    var tokens = Array(text.tokens.prefix(own * text.windowLength))
    let repeated = preserved.tokens.prefix(other * text.windowLength)
    for _ in 0..<repetitions { tokens += repeated }
    self.text = EvaluationText(
      tokens: tokens, windowLength: text.windowLength, firstToken: text.firstToken)
    self.share = Double(repetitions * other) / Double(own + repetitions * other)
  }
}
