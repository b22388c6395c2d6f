/// The keys of screens that take the bench's place, and of what is scrolled.
extension KeyTable {
  static let searching: [KeyBinding] = [
    bind(.bench, [KeyPress("b")], .openPrompt(.limit), hint("b", "limit", 8)),
    bind(.bench, [KeyPress("F")], .fitNow, hint("F", "fit", 8)),
    bind(
      .bench, sequences: [[KeyPress("s")], [KeyPress("g"), KeyPress("s")]], .openSearch,
      hint("s", "search", 5)),
    bind(
      .bench, sequences: [[KeyPress("g"), KeyPress("p")]], .openFrontier,
      hint("gp", "frontier", 10)),
    bind(.search, [KeyPress(.enter)], .confirm, hint("enter", "adopt best", 0)),
    bind(.search, [KeyPress(" ")], .toggleSearchPause, hint("space", "pause", 1)),
    bind(.search, [KeyPress("x")], .stopSearch, hint("x", "stop", 1)),
    bind(.search, [KeyPress("m")], .openCompare, hint("m", "compare", 3)),
    bind(.search, [KeyPress("S")], .searchAgain, hint("S", "again", 2)),
    bind(
      .search, [KeyPress(.escape), KeyPress("q"), KeyPress("b")], .back,
      hint("esc", "background", 0)),
    bind(
      .frontier, [KeyPress("h"), KeyPress("k"), KeyPress(.left), KeyPress(.up)], .moveUp,
      hint("h/l", "along", 1)),
    bind(
      .frontier, [KeyPress("l"), KeyPress("j"), KeyPress(.right), KeyPress(.down)], .moveDown),
    bind(.frontier, [KeyPress("g"), KeyPress(.home)], .moveToTop),
    bind(.frontier, [KeyPress("G"), KeyPress(.end)], .moveToBottom),
    bind(.frontier, [KeyPress(.enter)], .confirm, hint("enter", "adopt", 0)),
    bind(.frontier, [KeyPress("m")], .openCompare, hint("m", "compare", 1)),
    bind(.frontier, [KeyPress("u")], .undo, hint("u", "undo", 2)),
    bind(.frontier, [.control("r"), KeyPress("U")], .redo),
    bind(.frontier, [KeyPress("?"), KeyPress(.function(1))], .openHelp, hint("?", "help", 3)),
    bind(.frontier, [KeyPress(.escape), KeyPress("q")], .back, hint("esc", "back", 0)),
  ]

  static let comparing: [KeyBinding] =
    [
      bind(.bench, [KeyPress("D")], .openCompare, hint("D", "compare", 9)),
      bind(.bench, [KeyPress("X")], .switchPlans),
      bind(
        .compare, [KeyPress("l"), KeyPress(.tab), KeyPress(.right)], .compareNext,
        hint("h/l", "other plan", 1)),
      bind(
        .compare, [KeyPress("h"), KeyPress(.tab, .shift), KeyPress(.left)], .comparePrevious),
      bind(.compare, [KeyPress("f")], .openPrompt(.planFile), hint("f", "plan file", 3)),
      bind(.compare, [KeyPress("t")], .takeTreatment, hint("t", "take layer", 2)),
      bind(.compare, [KeyPress("o")], .sortNext, hint("o", "sort", 4)),
      bind(.compare, [KeyPress(.enter)], .confirm, hint("enter", "adopt", 1)),
      bind(.compare, [KeyPress("u")], .undo, hint("u", "undo", 2)),
      bind(.compare, [.control("r"), KeyPress("U")], .redo),
    ] + browsing(.compare)

  static let remembering: [KeyBinding] =
    [
      bind(
        .bench, sequences: [[KeyPress("H")], [KeyPress("g"), KeyPress("h")]], .openHistory,
        hint("H", "history", 12)),
      bind(.history, [KeyPress(.enter)], .confirm, hint("enter", "go there", 0)),
      bind(.history, [KeyPress("n")], .openPrompt(.stateName), hint("n", "name", 1)),
      bind(.history, [KeyPress("m"), KeyPress("D")], .openCompare, hint("m", "compare", 1)),
      bind(.history, [KeyPress("u")], .undo, hint("u", "undo", 2)),
      bind(.history, [.control("r"), KeyPress("U")], .redo),
    ] + browsing(.history)

  static let heat: [KeyBinding] =
    [
      bind(.bench, [KeyPress("S")], .openHeat, hint("S", "heat", 9)),
      bind(.heat, [KeyPress("h"), KeyPress(.left)], .moveLeft),
      bind(.heat, [KeyPress("l"), KeyPress(.right)], .moveRight),
      bind(.heat, [KeyPress(.tab)], .nextMeasure, hint("tab", "bits", 1)),
      bind(.heat, [KeyPress(.tab, .shift)], .previousMeasure),
      bind(.heat, [KeyPress("w")], .togglePerByte, hint("w", "per MB", 2)),
      bind(.heat, [KeyPress("x")], .moveToCostliest, hint("x", "costliest", 2)),
      bind(.heat, [KeyPress("B")], .markBlock, hint("B/C", "mark block/role", 4)),
      bind(.heat, [KeyPress("C")], .markRole),
      bind(.heat, [KeyPress("A")], .clearMarks),
      bind(.heat, [KeyPress(.enter)], .confirm, hint("enter", "layer", 3)),
      bind(.heat, [KeyPress("i")], .openDetail),
      bind(.heat, [KeyPress(" ")], .toggleMark, hint("space", "mark", 3)),
    ] + treating(.heat).filter { $0.command != .openHelp && $0.sequences[0].count == 1 }
    + browsing(.heat)

  static let working: [KeyBinding] =
    [
      bind(
        .bench, sequences: [[KeyPress("J")], [KeyPress("g"), KeyPress("j")]], .openJobs,
        hint("J", "jobs", 13)),
      bind(.jobs, [KeyPress("x")], .cancelJob, hint("x", "cancel", 0)),
      bind(.jobs, [KeyPress("P")], .togglePause, hint("P", "pause", 1)),
      bind(.jobs, [KeyPress("L")], .openLog, hint("L", "log", 2)),
      bind(.jobs, [KeyPress("s")], .openSearch, hint("s", "search", 2)),
      bind(
        .open, [KeyPress(.enter), KeyPress("l"), KeyPress(.right)], .confirm,
        hint("enter", "open", 0)),
      bind(
        .open, [KeyPress("h"), KeyPress(.left), KeyPress(.backspace)], .folderUp,
        hint("h", "folder above", 1)),
      bind(
        .open, [KeyPress("p"), KeyPress("/"), KeyPress(":")], .openPrompt(.modelPath),
        hint("p", "path", 2)),
      bind(.open, sequences: [[KeyPress("t")]], .openThemes, hint("t", "theme", 5)),
      bind(.open, [KeyPress("M")], .toggleMouse),
      bind(.open, [KeyPress("q")], .quit, hint("q", "quit", 0)),
      bind(.open, [KeyPress("Q")], .quitNow),
      bind(.open, [KeyPress("?"), KeyPress(.function(1))], .openHelp, hint("?", "help", 3)),
    ] + scrolling(.open) + browsing(.jobs)

  /// What all pages of text or rows are scrolled with.
  static func scrolling(_ context: KeyContext) -> [KeyBinding] {
    [
      bind(context, [KeyPress("j"), KeyPress(.down)], .moveDown, hint("j/k", "scroll", 1)),
      bind(context, [KeyPress("k"), KeyPress(.up)], .moveUp),
      bind(context, [KeyPress(.pageDown), .control("d")], .pageDown),
      bind(context, [KeyPress(.pageUp), .control("u")], .pageUp),
      bind(context, [KeyPress("g"), KeyPress(.home)], .moveToTop),
      bind(context, [KeyPress("G"), KeyPress(.end)], .moveToBottom),
    ]
  }

  /// What pages that are only read are scrolled and left with.
  static func reading(_ context: KeyContext) -> [KeyBinding] {
    scrolling(context) + [
      bind(context, [KeyPress(" ")], .pageDown),
      bind(
        context, [KeyPress(.escape), KeyPress("q"), KeyPress("?")], .back, hint("esc", "back", 0)),
    ]
  }

  /// What screens in the bench's place are scrolled and left with.
  static func browsing(_ context: KeyContext) -> [KeyBinding] {
    scrolling(context) + [
      bind(context, [KeyPress(.escape), KeyPress("q")], .back, hint("esc", "back", 0)),
      bind(context, [KeyPress("?"), KeyPress(.function(1))], .openHelp, hint("?", "help", 3)),
    ]
  }
}
