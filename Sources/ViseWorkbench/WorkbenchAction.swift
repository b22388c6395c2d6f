public import ViseCompression
public import ViseEstimates

/// Something that happened, to which the workbench answers.
public enum WorkbenchAction: Hashable, Sendable {
  /// A key, with the seconds of a clock that never goes back.
  case keyPressed(KeyPress, seconds: Double)
  case textPasted(String)
  /// A footer entry, palette entry or button was clicked.
  case commandClicked(Command)
  /// A row of the layer list was clicked, counted from the top of the screen's list.
  case rowClicked(Int, isDouble: Bool)
  /// An entry of another list was clicked, by its position in all of it.
  case itemClicked(Int, isDouble: Bool)
  case wheelTurned(rows: Int)
  /// The screen now has this many rows for the layer list and for overlays that fill it, and shows
  /// help in this many columns.
  case screenResized(listRows: Int, overlayRows: Int, helpColumns: Int)
  case engineReported(EngineEvent)
  /// The predictor's answer for the plan of `revision`.
  case predictionMade(Prediction, revision: PlanRevision)
  /// What fitting the plan came to.
  case planFitted(FitOutcome)
  case journalFound(ResumeOffer)
  /// Editing is safe: what follows is written to this file, or to none for the reason given.
  case journalOpened(path: String?, problem: String?)
  /// What the export path turned out to be.
  case exportPathChecked(path: String, exists: Bool, problem: String?)
  /// What can be opened.
  case modelsListed(ModelListing)
  /// What looking for a plan to compare with came to.
  case planFound(PlanSource, PlanAnswer)
  /// The predictor's answer for the plan compared with.
  case comparedPredicted(Prediction, plan: Plan)
  /// Presets that can be compared with.
  case presetsFound([String])
  /// Themes that can be shown, and the one that is.
  case themesFound([String], current: String)
  /// A line for the message row from the front end, such as a terminal's quirk.
  case noticed(String)
}

/// Work that an action calls for; the front end does it.
public enum WorkbenchEffect: Hashable, Sendable {
  /// Ask the predictor before the next frame and report `predictionMade`.
  case predict(revision: PlanRevision)
  case send(EngineRequest)
  /// Look for models without holding up keys and report `modelsListed`.
  case listModels(folder: String)
  /// Connect to an engine that opens the model.
  case openModel(path: String)
  /// Find the plan without holding up keys and report `planFound`.
  case findPlan(PlanSource)
  /// Ask the predictor before the next frame and report `comparedPredicted`.
  case predictCompared(Plan)
  /// Choose treatments for the sites `base` does not treat, within `limits`, and report `planFitted`
  /// before the next frame.
  case fit(base: Plan, limits: PlanLimits)
  /// Write the entry and flush it before the next frame.
  case record(JournalEntry)
  /// Report `journalFound`, or `journalOpened` where there is none worth going on with.
  case lookForJournal(fingerprint: String, path: String)
  /// Go on writing the journal found.
  case continueJournal
  /// Put the journal found aside and begin another.
  case replaceJournal(fingerprint: String, path: String)
  /// Remove the journal of this session.
  case discardJournal
  case checkExportPath(String)
  /// Write the plan as a file and report `noticed`; a file that exists is replaced only where told.
  case savePlan(Plan, path: String, overwrite: Bool)
  /// Write a picture of the screen as its file's name says and report `noticed`.
  case saveScreen(path: String, overwrite: Bool)
  case copy(String)
  case setMouse(Bool)
  case redraw
  /// Show everything in this theme from now on.
  case showTheme(String)
  case suspend
  case quit(exitCode: Int32)
}
