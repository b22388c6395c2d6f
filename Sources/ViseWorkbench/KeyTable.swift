/// Where keys are read.
public enum KeyContext: String, CaseIterable, Hashable, Sendable {
  case bench, detail, frontier, compare, history, heat, jobs, open, formats, methods, prompt,
    export, overwrite,
    filter, palette, help
  case log, themes, search, quit, resume

  /// How help names it.
  public var title: String {
    switch self {
    case .bench: "layers"
    case .detail: "layer in detail"
    case .frontier: "frontier"
    case .compare: "two plans"
    case .history: "history"
    case .heat: "costs over blocks"
    case .jobs: "jobs"
    case .open: "opening a model"
    case .search: "search"
    case .formats: "format list"
    case .methods: "method list"
    case .prompt: "typed value"
    case .export: "export"
    case .overwrite: "file exists"
    case .filter: "filter"
    case .palette: "commands"
    case .help: "help"
    case .log: "log"
    case .themes: "themes"
    case .quit: "quit"
    case .resume: "session found"
    }
  }
}

/// A key, or two in a row, and what they do in a context.
public struct KeyBinding: Hashable, Sendable {
  public let context: KeyContext
  /// Alternatives; each is one key or a prefix and a key.
  public let sequences: [[KeyPress]]
  public let command: Command
  /// How the footer shows it; `nil` where it does not.
  public let hint: FooterHint?

  /// How help writes the keys, such as `j down`.
  public var label: String {
    sequences.map { $0.map(\.label).joined() }.joined(separator: " ")
  }
}

/// A footer entry: keys and one word.
///
/// Lower ranks survive narrow screens.
public struct FooterHint: Hashable, Sendable {
  public let keys: String
  public let word: String
  public let rank: Int
}

/// The one table that dispatch, footer, help and palette are made from.
public enum KeyTable {
  public static let bindings: [KeyBinding] =
    bench + detail + searching + comparing + remembering + heat + working + dialogs

  /// What pressing `keys` does in `context`.
  public static func command(for keys: [KeyPress], in context: KeyContext) -> Command? {
    lookup[Key(context: context, sequence: keys)]
  }

  /// Whether `key` begins a longer sequence in `context`.
  public static func isPrefix(_ key: KeyPress, in context: KeyContext) -> Bool {
    continuations(of: key, in: context).isEmpty == false
  }

  /// The bindings that go on after `key`.
  public static func continuations(of key: KeyPress, in context: KeyContext) -> [KeyBinding] {
    bindings.filter { binding in
      binding.context == context
        && binding.sequences.contains { $0.count > 1 && $0.first == key }
    }
  }

  /// Footer entries of `context` in display order, with what a click on them does.
  public static func hints(in context: KeyContext) -> [(hint: FooterHint, command: Command)] {
    bindings.filter { $0.context == context }.compactMap { binding in
      guard let hint = binding.hint else { return nil }
      // The entry for all digits stands for a choice, not for its first digit.
      if case .setBits = binding.command { return (hint, .openFormats) }
      return (hint, binding.command)
    }
  }

  private struct Key: Hashable {
    let context: KeyContext
    let sequence: [KeyPress]
  }

  private static let lookup: [Key: Command] = {
    var table: [Key: Command] = [:]
    for binding in bindings {
      for sequence in binding.sequences {
        table[Key(context: binding.context, sequence: sequence)] = binding.command
      }
    }
    return table
  }()

  static func bind(
    _ context: KeyContext, _ keys: [KeyPress], _ command: Command, _ hint: FooterHint? = nil
  ) -> KeyBinding {
    KeyBinding(context: context, sequences: keys.map { [$0] }, command: command, hint: hint)
  }

  static func bind(
    _ context: KeyContext, sequences: [[KeyPress]], _ command: Command, _ hint: FooterHint? = nil
  ) -> KeyBinding {
    KeyBinding(context: context, sequences: sequences, command: command, hint: hint)
  }

  static func hint(_ keys: String, _ word: String, _ rank: Int) -> FooterHint {
    FooterHint(keys: keys, word: word, rank: rank)
  }

  private static let bench: [KeyBinding] =
    [
      bind(.bench, [KeyPress("j"), KeyPress(.down)], .moveDown, hint("j/k", "move", 2)),
      bind(.bench, [KeyPress("k"), KeyPress(.up)], .moveUp),
      bind(.bench, [.control("d")], .halfPageDown),
      bind(.bench, [.control("u")], .halfPageUp),
      bind(.bench, [KeyPress(.pageDown)], .pageDown),
      bind(.bench, [KeyPress(.pageUp)], .pageUp),
      bind(.bench, sequences: [[KeyPress("g"), KeyPress("g")], [KeyPress(.home)]], .moveToTop),
      bind(.bench, [KeyPress("G"), KeyPress(.end)], .moveToBottom),
    ] + editing + looking

  private static let editing: [KeyBinding] =
    treating(.bench) + [
      bind(.bench, [KeyPress("-")], .fewerBits, hint("-/+", "step", 8)),
      bind(.bench, [KeyPress("+"), KeyPress("=")], .moreBits),
      bind(.bench, [KeyPress("i"), KeyPress(.enter)], .openDetail, hint("i", "inspect", 4)),
      bind(.bench, [KeyPress(" ")], .toggleMark, hint("space", "mark", 6)),
      bind(.bench, [KeyPress("v")], .startRange, hint("v", "range", 11)),
      bind(.bench, [KeyPress("a")], .markShown, hint("a/A", "all/none", 12)),
      bind(.bench, [KeyPress("A")], .clearMarks),
    ]

  /// What the bench and the detail view edit with.
  static func treating(_ context: KeyContext) -> [KeyBinding] {
    [2, 3, 4, 5, 6, 8].map { bits in
      bind(
        context, [KeyPress(Character("\(bits)"))], .setBits(bits),
        bits == 2 ? hint("2-8", "bits", 0) : nil)
    } + [
      bind(context, [KeyPress("0")], .keep, hint("0", "keep", 5)),
      bind(context, [KeyPress("f")], .openFormats, hint("f", "formats", 3)),
      bind(context, [KeyPress("]")], .pruneBy(5), hint("[ ]", "prune", 5)),
      bind(context, [KeyPress("[")], .pruneBy(-5)),
      bind(context, [KeyPress("}")], .pruneBy(1)),
      bind(context, [KeyPress("{")], .pruneBy(-1)),
      bind(context, [KeyPress("p")], .openPrompt(.prune)),
      bind(context, [KeyPress("r")], .lowerRank, hint("r/R", "rank", 6)),
      bind(context, [KeyPress("R")], .raiseRank),
      bind(context, sequences: [[KeyPress("g"), KeyPress("r")]], .openPrompt(.rank)),
      bind(context, [KeyPress("m")], .openMethods, hint("m", "method", 9)),
      bind(context, [KeyPress("t")], .openPrompt(.treatment)),
      bind(context, [KeyPress(".")], .repeatEdit, hint(".", "repeat", 10)),
      bind(context, [KeyPress("u")], .undo, hint("u", "undo", 1)),
      bind(context, [.control("r"), KeyPress("U")], .redo, hint("C-r", "redo", 9)),
      bind(context, [KeyPress("y")], .copyPlanLine),
      bind(context, [KeyPress("?"), KeyPress(.function(1))], .openHelp, hint("?", "help", 0)),
    ]
  }

  private static let detail: [KeyBinding] =
    [
      bind(.detail, [KeyPress("j"), KeyPress("J"), KeyPress(.down)], .moveDown),
      bind(
        .detail, [KeyPress("k"), KeyPress("K"), KeyPress(.up)], .moveUp, hint("j/k", "layer", 2)),
      bind(.detail, [KeyPress("h"), KeyPress("-"), KeyPress(.left)], .fewerBits),
      bind(
        .detail, [KeyPress("l"), KeyPress("+"), KeyPress("="), KeyPress(.right)], .moreBits,
        hint("h/l", "step", 4)),
    ] + treating(.detail) + [
      bind(
        .detail, [KeyPress(.escape), KeyPress("q"), KeyPress("i")], .back, hint("esc", "back", 0))
    ]

  private static let looking: [KeyBinding] = [
    bind(.bench, [KeyPress("/")], .filter, hint("/", "filter", 7)),
    bind(.bench, [KeyPress("o")], .sortNext, hint("o", "sort", 14)),
    bind(.bench, [KeyPress("O")], .sortReverse),
    bind(
      .bench, sequences: [[KeyPress("e")], [KeyPress("g"), KeyPress("e")]], .openExport,
      hint("e", "export", 4)),
    bind(.bench, sequences: [[KeyPress("L")], [KeyPress("g"), KeyPress("o")]], .openLog),
    bind(.bench, sequences: [[KeyPress("g"), KeyPress("t")]], .openThemes),
    bind(.bench, sequences: [[KeyPress("g"), KeyPress("c")]], .moveToCostliest),
    bind(.bench, sequences: [[KeyPress("g"), KeyPress("m")]], .markAlike),
    bind(.bench, [KeyPress("c")], .copyTreatment),
    bind(.bench, [KeyPress("V")], .pasteTreatment),
    bind(.bench, [KeyPress("P")], .togglePause),
    bind(.bench, [KeyPress("M")], .toggleMouse),
    bind(.bench, [.control("l")], .redraw),
    bind(.bench, [.control("z")], .suspend),
    bind(.bench, [.control("c")], .interrupt),
    bind(.bench, [KeyPress(.escape)], .cancel),
    bind(.bench, [KeyPress(":"), .control("p")], .openPalette, hint(":", "command", 13)),
    bind(.bench, [KeyPress("q")], .quit, hint("q", "quit", 3)),
    bind(.bench, [KeyPress("Q")], .quitNow),
  ]

  private static let dialogs: [KeyBinding] =
    [
      bind(.formats, [KeyPress("j"), KeyPress(.down)], .moveDown, hint("j/k", "move", 1)),
      bind(.formats, [KeyPress("k"), KeyPress(.up)], .moveUp),
      bind(.formats, [KeyPress(.pageDown), .control("d"), KeyPress(" ")], .pageDown),
      bind(.formats, [KeyPress(.pageUp), .control("u")], .pageUp),
      bind(.formats, [KeyPress(.enter)], .confirm, hint("enter", "use", 0)),
      bind(.formats, [KeyPress(.escape), KeyPress("q")], .back, hint("esc", "back", 0)),
      bind(.methods, [KeyPress("j"), KeyPress(.down)], .moveDown, hint("j/k", "move", 1)),
      bind(.methods, [KeyPress("k"), KeyPress(.up)], .moveUp),
      bind(.methods, [KeyPress(.enter)], .confirm, hint("enter", "use", 0)),
      bind(.methods, [KeyPress(.escape), KeyPress("q")], .back, hint("esc", "back", 0)),
      bind(.themes, [KeyPress("j"), KeyPress(.down)], .moveDown, hint("j/k", "look", 1)),
      bind(.themes, [KeyPress("k"), KeyPress(.up)], .moveUp),
      bind(.themes, [KeyPress(.enter)], .confirm, hint("enter", "use", 0)),
      bind(.themes, [KeyPress(.escape), KeyPress("q")], .back, hint("esc", "as before", 0)),
      bind(.prompt, [KeyPress(.enter)], .confirm, hint("enter", "use", 0)),
      bind(.prompt, [KeyPress(.escape)], .back, hint("esc", "cancel", 0)),
      bind(.export, [KeyPress(.enter)], .confirm, hint("enter", "write", 0)),
      bind(.export, [KeyPress(.escape)], .back, hint("esc", "cancel", 0)),
      bind(.overwrite, [KeyPress("o")], .overwrite, hint("o", "overwrite", 0)),
      bind(.overwrite, [KeyPress(.escape)], .back, hint("esc", "other name", 0)),
      bind(.filter, [KeyPress(.enter)], .confirm, hint("enter", "keep filter", 0)),
      bind(.filter, [KeyPress(.escape)], .back, hint("esc", "clear", 0)),
      bind(.palette, [KeyPress(.down), .control("n")], .moveDown, hint("down/up", "move", 1)),
      bind(.palette, [KeyPress(.up), .control("p")], .moveUp),
      bind(.palette, [KeyPress(.enter)], .confirm, hint("enter", "run", 0)),
      bind(.palette, [KeyPress(.escape)], .back, hint("esc", "back", 0)),
      bind(.quit, [KeyPress("s")], .quitKeeping, hint("s", "keep session", 0)),
      bind(.quit, [KeyPress("d")], .quitDiscarding, hint("d", "discard edits", 0)),
      bind(.quit, [KeyPress(.escape)], .back, hint("esc", "stay", 0)),
      bind(.resume, [KeyPress("r")], .resumeJournal, hint("r", "resume", 0)),
      bind(.resume, [KeyPress("n")], .startAnew, hint("n", "new", 0)),
      bind(.resume, [KeyPress("Q")], .quitNow, hint("Q", "quit", 1)),
    ] + reading(.help) + reading(.log) + everywhere

  private static let everywhere: [KeyBinding] = KeyContext.allCases.filter { $0 != .bench }
    .flatMap { context in
      [
        bind(context, [.control("z")], .suspend),
        bind(context, [.control("l")], .redraw),
        bind(context, [.control("c")], .interrupt),
      ]
    }
}
