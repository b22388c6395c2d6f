import ViseCompression
public import ViseEstimates

extension WorkbenchState {
  mutating func openExport() {
    overlay = .export(ExportDialog(path: TextField(suggestedExportPath)))
  }

  /// The extension of the file that holds the plan.
  private var exportExtension: String { exportTarget.rawValue }

  /// The model's file name without its extension, and `-vise` with that of the file that holds the
  /// plan, in the current directory.
  var suggestedExportPath: String {
    let file = modelPath.split(separator: "/").last.map(String.init) ?? "model"
    let stem = file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
    return "\(stem.isEmpty ? "model" : stem)-vise.\(exportExtension)"
  }

  mutating func perform(_ command: Command, in dialog: ExportDialog) -> [WorkbenchEffect] {
    var dialog = dialog
    switch command {
    case .confirm:
      guard !dialog.path.text.isEmpty else {
        dialog.pathState = .unusable("a file name is needed")
        break
      }
      dialog.pathState = .checking
      overlay = .export(dialog)
      return [.checkExportPath(dialog.path.text)]
    case .overwrite where dialog.pathState == .exists:
      return startExport(to: dialog.path.text, overwrite: true)
    case .back where dialog.pathState == .exists: dialog.pathState = .unchecked
    case .back:
      overlay = nil
      return []
    default: return []
    }
    overlay = .export(dialog)
    return []
  }

  mutating func exportPathChecked(
    _ path: String, exists: Bool, problem: String?
  ) -> [WorkbenchEffect] {
    if dryRunPath == path { return reportDryRun(path, exists: exists, problem: problem) }
    guard case .export(var dialog)? = overlay, dialog.pathState == .checking,
      dialog.path.text == path
    else { return [] }
    if let problem {
      dialog.pathState = .unusable(problem)
    } else if exists {
      dialog.pathState = .exists
    } else {
      return startExport(to: path, overwrite: false)
    }
    overlay = .export(dialog)
    return []
  }

  private mutating func startExport(to path: String, overwrite: Bool) -> [WorkbenchEffect] {
    overlay = nil
    let job = nextJob
    nextJob += 1
    jobs.append(Job(id: job, progress: nil, exportPath: path))
    exportingPlans[job] = document.plan
    message = .note("exporting to \(path) (C-c cancels)")
    return [.send(.export(plan: document.plan, path: path, overwrite: overwrite, job: job))]
  }

  mutating func perform(_ command: Command, in palette: Palette) -> [WorkbenchEffect] {
    var palette = palette
    let matches = palette.matches
    switch command {
    case .moveUp: palette.cursor = max(palette.cursor - 1, 0)
    case .moveDown: palette.cursor = min(palette.cursor + 1, max(matches.count - 1, 0))
    case .back:
      overlay = nil
      return []
    case .confirm:
      if let typed = palette.typed {
        // What cannot be done stays in the field to be put right.
        if let problem = problem(of: typed) { return refuse(problem) }
        overlay = nil
        return perform(typed)
      }
      guard matches.indices.contains(palette.cursor) else { return [] }
      overlay = nil
      return perform(matches[palette.cursor].command, seconds: 0)
    default: return []
    }
    overlay = .palette(palette)
    return []
  }

  /// Scrolls help or the log, no further than to the last page.
  mutating func read(
    _ command: Command, top: Int, _ make: (Int) -> Overlay
  ) -> [WorkbenchEffect] {
    let page = reading.rowCount
    let lines = context == .log ? log.count : HelpText.rowCount(columns: reading.helpColumns)
    let last = max(lines - page, 0)
    let next: Int
    switch command {
    case .moveUp: next = top - 1
    case .moveDown: next = top + 1
    case .pageUp: next = top - page
    case .pageDown: next = top + page
    case .moveToTop: next = 0
    case .moveToBottom: next = last
    case .back:
      overlay = nil
      return []
    default: return []
    }
    overlay = make(min(max(next, 0), last))
    return []
  }

  /// Quits, or asks first where a job runs or edits were never exported.
  mutating func quit() -> [WorkbenchEffect] {
    let isBusy = jobs.contains { $0.exportPath != nil } || search?.isRunning ?? false
    guard isBusy || hasUnexportedEdits else {
      return [.quit(exitCode: 0)]
    }
    overlay = .quit
    return []
  }

  mutating func performInQuit(_ command: Command) -> [WorkbenchEffect] {
    switch command {
    case .quitKeeping: return [.quit(exitCode: 0)]
    case .quitDiscarding: return [.discardJournal, .quit(exitCode: 0)]
    case .back: overlay = nil
    default: break
    }
    return []
  }

  mutating func perform(_ command: Command, in offer: ResumeOffer) -> [WorkbenchEffect] {
    switch command {
    case .resumeJournal:
      overlay = nil
      restore(offer.journal)
      message = .note("resumed: \(document.edits.count) edits, undo goes back through all of them")
      return [.continueJournal] + planReplaced()
    case .startAnew:
      overlay = nil
      message = .note("new session; the old one was put aside")
      guard let summary else { return [] }
      return [.replaceJournal(fingerprint: summary.fingerprint, path: summary.path)]
    default: return []
    }
  }

  mutating func restore(_ journal: Journal) {
    let plans = journal.plans(for: sites)
    document = plans.current
    parked = plans.parked.map { ParkedPlan(document: $0) }
    planNumber = plans.number
    openingPlan = document.plan
    exportedPlan = journal.exportedPlan(for: sites)
    if journal.skippedLineCount > 0 {
      appendToLog("journal: \(journal.skippedLineCount) lines were not understood and left out")
    }
    refreshList()
  }
}

extension WorkbenchState {
  /// The state a journal leads to on a model: replay without a terminal or an engine.
  public static func replaying(_ journal: Journal, on summary: ModelSummary) -> WorkbenchState {
    var state = WorkbenchState(modelPath: journal.path)
    _ = state.apply(.engineReported(.opened(summary)))
    state.restore(journal)
    state.revision += 1
    return state
  }
}
