import Testing
import ViseTerminal

struct ThemeTests {
  private func source(_ name: String) throws(ThemeError) -> String {
    guard let text = Files.read(Files.themes + name + ".toml") else { throw .notFound(name) }
    return text
  }

  @Test func darkThemeFileIsTheBuiltInTheme() throws {
    let theme = try Theme(toml: try source("vise-dark"), source: source)
    for role in StyleRole.allCases { #expect(theme[role] == Theme.builtIn[role], "\(role)") }
  }

  @Test func lightThemeGivesEveryRoleOfItsOwn() throws {
    let theme = try Theme(toml: try source("vise-light"), source: source)
    for role in StyleRole.allCases where Theme.builtIn[role].foreground != nil {
      #expect(theme[role].foreground != nil, "\(role)")
    }
    #expect(theme[.selection] != Theme.builtIn[.selection])
  }

  @Test func themeInheritsWhatItDoesNotName() throws {
    let theme = try Theme(
      toml: "inherits = \"vise-dark\"\n[styles]\nok = { fg = \"bright-green\", bold = true }",
      source: source)
    #expect(theme[.ok].foreground == .ansi(10))
    #expect(theme[.ok].isBold)
    #expect(theme[.title] == Theme.builtIn[.title])
  }

  @Test func faultsAreNamed() {
    #expect(throws: ThemeError.unknownRole("titel")) {
      try Theme(toml: "[styles]\ntitel = {}", source: source)
    }
    #expect(throws: ThemeError.unknownColor(role: "ok", color: "#12345")) {
      try Theme(toml: "[styles]\nok = { fg = \"#12345\" }", source: source)
    }
    #expect(throws: ThemeError.notFound("nowhere")) {
      try Theme(toml: "inherits = \"nowhere\"", source: source)
    }
    #expect(throws: ThemeError.inheritsTooDeep("self")) {
      try Theme(toml: "inherits = \"self\"") { _ throws(ThemeError) in "inherits = \"self\"" }
    }
    #expect(throws: ThemeError.self) { try Theme(toml: "[styles", source: source) }
  }

  @Test(arguments: ColorLevel.allCases)
  func coloursStayWithinTheLevel(level: ColorLevel) {
    let limit = [ColorLevel.mono: 0, .eight: 8, .sixteen: 16, .full: 256][level] ?? 0
    for role in StyleRole.allCases {
      let style = Theme.builtIn.style(of: role, at: level)
      for color in [style.foreground, style.background].compactMap({ $0?.index(at: level) }) {
        #expect((0..<limit).contains(color), "\(role)")
      }
    }
  }

  @Test func monochromeTellsSelectionAndEditsApart() {
    let theme = Theme.builtIn
    #expect(theme.style(of: .selection, at: .mono).isReversed)
    #expect(theme.style(of: .edited, at: .mono).isBold)
    #expect(theme.style(of: .text, at: .mono) == RoleStyle())
  }

  @Test func nearestColoursKeepTheirHue() {
    #expect(ThemeColor("#ff0000")?.index(at: .full) == 196)
    #expect(ThemeColor("#d75f5f")?.index(at: .sixteen) == 9)
    #expect(ThemeColor("#87af87")?.index(at: .eight) == 2)
    #expect(ThemeColor("#808080")?.index(at: .sixteen) == 8)
    #expect(ThemeColor("bright-blue")?.index(at: .eight) == 4)
    #expect(ThemeColor("mauve") == nil)
  }
}

/// The TOML library traps on these; a theme is a file anyone may write.
@Test(arguments: ["[?]", "[[=", "\n  [", "[ ]x\n[!"])
func aBrokenTableHeaderIsAnErrorAndNoTrap(toml: String) {
  #expect(throws: ThemeError.self) {
    _ = try Theme(toml: toml) { name throws(ThemeError) in throw .malformed(name) }
  }
}
