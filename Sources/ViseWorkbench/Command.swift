/// Something the user can ask for, by key, mouse or palette.
public enum Command: Hashable, Sendable {
  case moveUp, moveDown, halfPageUp, halfPageDown, pageUp, pageDown, moveToTop, moveToBottom
  case setBits(Int), keep, fewerBits, moreBits, openFormats, repeatEdit
  /// Removes this many percent more of the weights.
  case pruneBy(Int)
  case lowerRank, raiseRank, openMethods, openPrompt(PromptKind), openDetail
  case toggleMark, startRange, markShown, clearMarks
  case undo, redo
  case filter, sortNext, sortReverse
  /// What a click on a column's heading asks for.
  case sortBy(LayerOrder), sortDifferences(PlanComparison.Order)
  case openExport, openPalette, openHelp, openLog, openThemes
  case moveToCostliest, markAlike, copyTreatment, pasteTreatment
  case fitNow, openSearch, toggleSearchPause, stopSearch, searchAgain, openFrontier
  case openHeat, nextMeasure, previousMeasure, togglePerByte, markBlock, markRole
  case moveLeft, moveRight
  case switchPlans, folderUp, openJobs, cancelJob
  case openHistory, openCompare, compareNext, comparePrevious, takeTreatment
  case cancel, confirm, back, quit, quitNow, interrupt
  case suspend, redraw, toggleMouse, togglePause, copyPlanLine
  case overwrite, quitKeeping, quitDiscarding, resumeJournal, startAnew

  /// What it does, for help and palette.
  ///
  /// At most 25 characters: help has room for no more at 80x24.
  public var summary: String {
    switch self {
    case .moveUp: "one up"
    case .moveDown: "one down"
    case .halfPageUp: "half a page up"
    case .halfPageDown: "half a page down"
    case .pageUp: "a page up"
    case .pageDown: "a page down"
    case .moveToTop: "to the first"
    case .moveToBottom: "to the last"
    case .setBits(let bits): "store in \(bits) bits"
    case .keep: "leave as the file has it"
    case .fewerBits: "next smaller format"
    case .moreBits: "next larger format"
    case .openFormats: "choose a format"
    case .pruneBy(let percent): percent < 0 ? "prune \(-percent) % less" : "prune \(percent) % more"
    case .lowerRank: "lower rank by a quarter"
    case .raiseRank: "higher rank by a quarter"
    case .openMethods: "choose a method"
    case .openPrompt(.prune): "prune by a share or 2:4"
    case .openPrompt(.rank): "set the exact rank"
    case .openPrompt(.treatment): "type a whole treatment"
    case .openPrompt(.limit): "limit size, time, quality"
    case .openPrompt(.planFile): "compare with a plan file"
    case .openPrompt(.modelPath): "type a path"
    case .switchPlans: "edit the other plan"
    case .folderUp: "the folder above"
    case .openJobs: "what the engine does"
    case .cancelJob: "cancel the job"
    case .openPrompt(.stateName): "name the state"
    case .openHeat: "costs by block and role"
    case .nextMeasure: "in more bits"
    case .previousMeasure: "in fewer bits"
    case .togglePerByte: "cost for each MB saved"
    case .markBlock: "mark or unmark the block"
    case .markRole: "mark or unmark the role"
    case .moveLeft: "one to the left"
    case .moveRight: "one to the right"
    case .openHistory: "all states of the plan"
    case .openCompare: "compare with another plan"
    case .compareNext: "next plan to compare with"
    case .comparePrevious: "plan compared with before"
    case .takeTreatment: "take the other treatment"
    case .fitNow: "fit the plan to limits"
    case .openSearch: "search for the best plan"
    case .toggleSearchPause: "pause the search or go on"
    case .stopSearch: "stop and keep the best"
    case .searchAgain: "search again"
    case .openFrontier: "plans that no other beats"
    case .openDetail: "look into the layer"
    case .repeatEdit: "repeat the last edit here"
    case .toggleMark: "mark or unmark, go on"
    case .startRange: "mark a range"
    case .markShown: "mark all shown"
    case .clearMarks: "clear marks"
    case .undo: "undo"
    case .redo: "redo"
    case .filter: "filter layers (! inverts)"
    case .sortNext: "sort by the next column"
    case .sortReverse: "reverse the order"
    case .sortBy(let order): "sort by \(order.rawValue)"
    case .sortDifferences(let order): "sort by \(order.rawValue)"
    case .openExport: "export the plan"
    case .openPalette: "find a command"
    case .openHelp: "keys and what they do"
    case .openLog: "show the log"
    case .moveToCostliest: "go to costliest per byte"
    case .markAlike: "mark layers of this role"
    case .copyTreatment: "copy the treatment"
    case .pasteTreatment: "paste the treatment"
    case .openThemes: "choose a theme"
    case .cancel: "back, clear range, filter"
    case .confirm: "accept"
    case .back: "back"
    case .quit: "quit"
    case .quitNow: "quit now, session kept"
    case .interrupt: "cancel the running job"
    case .suspend: "suspend to the shell"
    case .redraw: "draw everything again"
    case .toggleMouse: "mouse on or off"
    case .togglePause: "pause engine or go on"
    case .copyPlanLine: "copy the plan's line"
    case .overwrite: "replace the file"
    case .quitKeeping: "quit and keep the session"
    case .quitDiscarding: "quit, discard the edits"
    case .resumeJournal: "go on where it ended"
    case .startAnew: "start anew"
    }
  }
}
