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
  public var summary: String {
    switch self {
    case .moveUp: "previous layer"
    case .moveDown: "next layer"
    case .halfPageUp: "half a page up"
    case .halfPageDown: "half a page down"
    case .pageUp: "a page up"
    case .pageDown: "a page down"
    case .moveToTop: "first layer"
    case .moveToBottom: "last layer"
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
    case .openPrompt(.limit): "limit size, time or quality"
    case .openPrompt(.planFile): "compare with a plan file"
    case .openPrompt(.modelPath): "type a path"
    case .switchPlans: "go on with the other of two plans"
    case .folderUp: "the folder above"
    case .openJobs: "what the engine does"
    case .cancelJob: "cancel the job"
    case .openPrompt(.stateName): "name the state"
    case .openHeat: "costs over blocks and roles"
    case .nextMeasure: "in more bits"
    case .previousMeasure: "in fewer bits"
    case .togglePerByte: "cost for each megabyte saved"
    case .markBlock: "mark or unmark the block"
    case .markRole: "mark or unmark the role"
    case .moveLeft: "one to the left"
    case .moveRight: "one to the right"
    case .openHistory: "all states of the plan"
    case .openCompare: "compare with another plan"
    case .compareNext: "next plan to compare with"
    case .comparePrevious: "plan compared with before"
    case .takeTreatment: "treat the layer as the other plan does"
    case .fitNow: "fit the plan to the limits"
    case .openSearch: "search for the best plan"
    case .toggleSearchPause: "pause the search or go on"
    case .stopSearch: "stop and keep the best"
    case .searchAgain: "search again"
    case .openFrontier: "plans that no other beats"
    case .openDetail: "look at the layer's values"
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
    case .openExport: "export the plan"
    case .openPalette: "find a command"
    case .openHelp: "keys and what they do"
    case .openLog: "show the log"
    case .moveToCostliest: "go to the layer that costs most quality a byte"
    case .markAlike: "mark all layers of this role"
    case .copyTreatment: "take the layer's treatment"
    case .pasteTreatment: "put the treatment taken here"
    case .openThemes: "choose a theme, seen at once"
    case .cancel: "back; clears range or filter"
    case .confirm: "accept"
    case .back: "back"
    case .quit: "quit"
    case .quitNow: "quit at once (session is kept)"
    case .interrupt: "cancel the running job"
    case .suspend: "suspend to the shell"
    case .redraw: "draw everything again"
    case .toggleMouse: "mouse on or off"
    case .togglePause: "pause or resume the engine"
    case .copyPlanLine: "copy the layer's plan line"
    case .overwrite: "replace the file"
    case .quitKeeping: "quit and keep the session"
    case .quitDiscarding: "quit and discard the edits"
    case .resumeJournal: "go on where it ended"
    case .startAnew: "start anew"
    }
  }
}
