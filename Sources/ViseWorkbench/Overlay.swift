/// The export dialog.
public struct ExportDialog: Hashable, Sendable {
  /// What was found at the path.
  public enum PathState: Hashable, Sendable {
    case unchecked
    case checking
    /// A file is there; it is replaced only by a key of its own.
    case exists
    case unusable(String)
  }

  public internal(set) var path: TextField
  public internal(set) var pathState = PathState.unchecked
}

/// A journal found for the model just opened.
public struct ResumeOffer: Hashable, Sendable {
  public let journal: Journal
  /// When it was last written, as the user's clock shows it.
  public let writtenAt: String

  public init(journal: Journal, writtenAt: String) {
    self.journal = journal
    self.writtenAt = writtenAt
  }
}

/// Commands matching what is typed.
public struct Palette: Hashable, Sendable {
  public internal(set) var field = TextField()
  public internal(set) var cursor = 0

  /// What is typed, where it is a command for many layers.
  ///
  /// Words a listed command begins with look for that one.
  public var typed: TypedCommand? {
    let text = field.text.lowercased()
    let isListed = KeyTable.bindings.contains {
      $0.context == .bench && $0.command.summary.lowercased().hasPrefix(text)
    }
    return isListed ? nil : TypedCommand(field.text)
  }

  /// Commands to be typed in full whose verb begins as what is typed.
  public var usages: [String] {
    let typed = field.text.lowercased()
    guard !typed.isEmpty else { return [] }
    return TypedCommand.Verb.allCases.filter { $0.rawValue.hasPrefix(typed) }.map(\.usage)
  }

  /// Bench bindings whose words hold every typed letter in order, best first.
  public var matches: [KeyBinding] {
    let typed = field.text.lowercased()
    let ranked = KeyTable.bindings.compactMap { binding -> (binding: KeyBinding, rank: Int)? in
      guard binding.context == .bench, binding.command != .openPalette,
        let rank = Self.rank(of: binding.command.summary.lowercased(), typed)
      else { return nil }
      return (binding, rank)
    }
    // The table's order stands among those that fit equally well.
    return ranked.enumerated().sorted {
      ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset)
    }.map(\.element.binding)
  }

  /// How well `typed` fits: the text begins with it, a word does, it is somewhere in it, or its
  /// letters are; `nil` where they are not.
  private static func rank(of text: String, _ typed: String) -> Int? {
    if text.hasPrefix(typed) { return 0 }
    if text.contains(" " + typed) { return 1 }
    if text.contains(typed) { return 2 }
    var rest = Substring(text)
    for letter in typed where letter != " " {
      guard let found = rest.firstIndex(of: letter) else { return nil }
      rest = rest[rest.index(after: found)...]
    }
    return 3
  }
}

/// What lies over the bench and takes the keys.
public enum Overlay: Hashable, Sendable {
  case formats(FormatPicker)
  case methods(MethodPicker)
  case prompt(Prompt)
  case export(ExportDialog)
  case palette(Palette)
  /// The first line on screen.
  case help(top: Int)
  case log(top: Int)
  case themes(ThemePicker)
  case search
  case quit
  case resume(ResumeOffer)

  /// Where its keys are looked up.
  public var context: KeyContext {
    switch self {
    case .formats: .formats
    case .methods: .methods
    case .prompt: .prompt
    case .export(let dialog): dialog.pathState == .exists ? .overwrite : .export
    case .palette: .palette
    case .help: .help
    case .log: .log
    case .themes: .themes
    case .search: .search
    case .quit: .quit
    case .resume: .resume
    }
  }
}
