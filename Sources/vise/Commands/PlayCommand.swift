public import ArgumentParser
import ViseCompression
import ViseConsole
import ViseEstimates
import ViseEvaluation
import ViseModels
public import ViseTerminal
import ViseWorkbench

/// Replays a session's journal without a terminal.
struct PlayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "play", abstract: "Replay a session's journal and print the plan it leads to.")

  @Argument(help: "A journal, as the workbench writes them under $XDG_STATE_HOME/vise.")
  var journal: String

  @Argument(help: "The model; where it was when the session began by default.")
  var model: String?

  @Option(help: "Print the workbench's screen at the end, such as 80x24.")
  var screen: ScreenSize?

  @Flag(help: "Print one JSON object.")
  var json = false

  /// The JSON contract.
  struct Report: Encodable {
    struct Substitution: Encodable {
      let site, asked, used, reason: String
    }

    let model, fingerprint: String
    let edits, undone, skippedLines, bytes: Int
    let plan: [String: String]
    let substitutions: [Substitution]
    let exported: Bool
  }

  func run() throws {
    try CommandRunner.run {
      guard let read = readJournal(path: journal) else {
        throw Self.refuse("\(journal) is no journal that can be read")
      }
      let summary = ModelSummary(try Model(path: model ?? read.path)) { ErrorText.describe($0) }
      guard summary.fingerprint == read.fingerprint else {
        throw Self.refuse("the journal is of another model than \(summary.path)")
      }
      let state = WorkbenchState.replaying(read, on: summary)
      let report = Self.report(state, summary, read)
      if json {
        try JSONOutput.write(report)
      } else if let screen {
        Self.printScreen(state, size: screen)
      } else {
        Self.printPlan(report, summary)
      }
    }
  }

  private static func refuse(_ reason: String) -> ExitCode {
    StandardError.write("vise: \(ErrorText.printable(reason))\n")
    return ExitCode(2)
  }

  private static func report(
    _ state: WorkbenchState, _ summary: ModelSummary, _ journal: Journal
  ) -> Report {
    let document = state.document
    let substitutions = summary.sites.compactMap { site -> Report.Substitution? in
      let choice = document.choice(of: site.name)
      guard let asked = choice.asked else { return nil }
      return Report.Substitution(
        site: site.name, asked: asked.name, used: choice.treatment.name,
        reason: choice.substitutionReason(for: site) ?? "")
    }
    return Report(
      model: summary.path, fingerprint: journal.fingerprint, edits: document.edits.count,
      undone: document.undoneEdits.count, skippedLines: journal.skippedLineCount,
      bytes: summary.sizeModel.byteCount(of: document.plan),
      plan: document.plan.treatments.mapValues(\.name), substitutions: substitutions,
      exported: state.exportedPlan == document.plan)
  }

  private static func printPlan(_ report: Report, _ summary: ModelSummary) {
    print("\(report.edits) edits, \(report.undone) undone, \(report.bytes) bytes")
    for site in summary.sites {
      guard let name = report.plan[site.name] else { continue }
      print("\(ErrorText.printable(site.name)) \(name)")
    }
  }

  private static func printScreen(_ state: WorkbenchState, size: ScreenSize) {
    var state = state
    let layout = Layout(size: size)
    _ = state.apply(
      .screenResized(
        listRows: layout.listRows, overlayRows: layout.overlayRows,
        helpColumns: layout.helpColumns))
    let frame = WorkbenchView.frame(of: state, size: size, glyphs: .unicode)
    for row in 0..<size.rows { print(frame.buffer.text(ofRow: row)) }
  }
}

extension ScreenSize: ExpressibleByArgument {
  /// Columns and rows, such as `80x24`.
  public init?(argument: String) {
    let parts = argument.split(separator: "x").map { Int($0) }
    guard parts.count == 2, let columns = parts[0], let rows = parts[1],
      (1...1000).contains(columns), (1...1000).contains(rows)
    else { return nil }
    self.init(columns: columns, rows: rows)
  }
}
