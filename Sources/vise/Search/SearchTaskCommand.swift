import ArgumentParser
import ViseEvaluation
import ViseFormats
import ViseModels
import ViseSearch
import ViseTensor

/// Measures one plan for a search that runs elsewhere; the tasks of its array jobs call it.
struct SearchTaskCommand: ParsableCommand {
  static let name = "search-task"
  static let configuration = CommandConfiguration(
    commandName: name, abstract: "Measure one plan for a search that runs elsewhere.",
    shouldDisplay: false)

  @Argument var model: String
  @Option var text: String
  @Option var window: Int
  @Option var limit: Int
  @Option var windows: Int
  @Option var plan: String
  @Option var first: Int
  @Option var count: Int
  @Option var identity: String
  @Option var out: String
  @OptionGroup var calibration: CalibrationOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    guard window >= 4, limit >= window, windows >= 1, first >= 0, (1...1 << 30).contains(count)
    else { throw ValidationError("these windows cannot be measured") }
  }

  func run() throws {
    try CommandRunner.run {
      let model = try Model(path: model)
      let session = try options.session(model, calibration: try calibration.load(for: model))
      let text = SearchTexts(
        try TextLoader(model: model).load(path: text, windowLength: window, limit: limit),
        selectionWindows: windows
      ).selection
      guard SearchTask.identity(session, text) == identity,
        first + count <= text.windowCount
      else { throw SearchError.otherInputs }
      let scores = try PlanEvaluator(session: session, text: text).measure(
        try PlanLoader.load(plan, model: model).plan, windows: first..<first + count,
        cancellation: Interrupt.flag)
      try TextFile.write(WindowScoreFile.text(of: scores), to: out, replacing: true)
    }
  }
}
