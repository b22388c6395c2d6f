import CTerminal
import Glibc
import ViseTerminal

/// What options, environment and terminal lead to.
struct TerminalSetup {
  let level: ColorLevel
  let glyphs: GlyphSet
  let theme: Theme
  let themeName: String
  let isMouseEnabled: Bool
  /// Seconds between frames that only new figures call for.
  let liveInterval: Double
  /// Seconds after which a lone Esc is the key.
  let escapeDelay: Double
  let showsStatistics: Bool
  /// A byte goes there whenever everything that happened has been shown.
  let idleDescriptor: Int32?
  /// Something the user should know.
  let notice: String?

  init(options: WorkbenchOptions, capabilities: ct_caps) {
    let isPlain = System.variable("NO_COLOR") != nil
    level =
      options.color
      ?? (isPlain ? .mono : ColorLevel(terminalColors: Int(capabilities.colors)))
    glyphs = options.glyphs ?? (capabilities.utf8 != 0 ? .unicode : .ascii)
    isMouseEnabled = options.isMouseEnabled
    liveInterval = options.isSlow ? 2 : 0.1
    escapeDelay = System.variable("SSH_CONNECTION") == nil ? 0.025 : 0.1
    showsStatistics = System.variable("VISE_STATS") != nil
    idleDescriptor = System.variable("VISE_IDLE_FD").flatMap { Int32($0) }
    var notices: [String] = []
    var theme = Theme.builtIn
    var themeName = ThemeSource.defaultName
    if let name = options.theme {
      do {
        theme = try ThemeSource.theme(name)
        themeName = name
      } catch {
        notices.append(ThemeSource.sentence(for: error, theme: name))
      }
    }
    self.theme = theme
    self.themeName = themeName
    if capabilities.substituted != 0 {
      let name = System.variable("TERM").map { "no terminfo for \($0)" } ?? "TERM is not set"
      notices.append("\(name), using xterm-256color")
    }
    if options.glyphs == nil, capabilities.utf8 == 0 {
      notices.append(
        "locale is not UTF-8, drawing with ASCII; export LANG=C.UTF-8 or pass --glyphs unicode")
    }
    notice = notices.isEmpty ? nil : notices.joined(separator: "; ")
  }
}
