import Testing
import ViseEvaluation
import ViseSearch

@Suite struct SearchTextsTests {
  private func text(windows: Int) -> EvaluationText {
    EvaluationText(
      tokens: (0..<Int32(windows * 8)).map { $0 }, windowLength: 8, firstToken: nil)
  }

  @Test(arguments: [(nil, 16), (1, 16), (60, 16), (300, 30), (7_200, 720)] as [(Double?, Int)])
  func longSearchesChooseByMoreText(seconds: Double?, windows: Int) {
    #expect(SearchTexts.selectionWindows(seconds: seconds) == windows)
  }

  @Test(arguments: [8, 20, 200])
  func halfOfTheTextAtLeastJudges(windows: Int) throws {
    let texts = SearchTexts(text(windows: windows), selectionWindows: 720)
    let judged = try #require(texts.verification)
    #expect(texts.selection.windowCount == windows / 2)
    #expect(texts.selection.tokens + judged.tokens == text(windows: windows).tokens)
  }

  @Test func aShortTextIsNotParted() {
    let texts = SearchTexts(text(windows: 7), selectionWindows: 16)
    #expect(texts.verification == nil && texts.selection.windowCount == 7)
  }
}
