/// The list of themes; the one under the cursor is on the screen.
public struct ThemePicker: Hashable, Sendable {
  public let names: [String]
  /// The theme that Esc goes back to.
  public let before: String
  public internal(set) var cursor: Int

  init(names: [String], current: String) {
    self.names = names.contains(current) ? names : [current] + names
    before = current
    cursor = self.names.firstIndex(of: current) ?? 0
  }
}

extension WorkbenchState {
  /// Shows each theme as the cursor comes to it; Enter keeps it and Esc brings the old one back.
  mutating func perform(_ command: Command, in picker: ThemePicker) -> [WorkbenchEffect] {
    var picker = picker
    switch command {
    case .moveUp: picker.cursor = max(picker.cursor - 1, 0)
    case .moveDown: picker.cursor = min(picker.cursor + 1, picker.names.count - 1)
    case .confirm:
      overlay = nil
      message = .note("theme \(theme); vise --theme \(theme) begins with it")
      return []
    case .back:
      overlay = nil
      return show(theme: picker.before)
    default: return []
    }
    overlay = .themes(picker)
    return show(theme: picker.names[picker.cursor])
  }

  mutating func show(theme name: String) -> [WorkbenchEffect] {
    guard theme != name else { return [] }
    theme = name
    return [.showTheme(name)]
  }
}
