import Testing
import ViseTerminal

struct ThemeContrastTests {
  static let shipped = [
    "aurora", "vise-16", "vise-contrast", "vise-dark", "vise-deuteranopia", "vise-light",
    "vise-mono", "vise-tritanopia",
  ]

  private func theme(_ name: String) throws -> Theme {
    func source(_ name: String) throws(ThemeError) -> String {
      guard let text = Files.read(Files.themes + name + ".toml") else { throw .notFound(name) }
      return text
    }
    return try Theme(toml: try source(name), source: source)
  }

  @Test(arguments: shipped)
  func textReachesTheContrastThatWCAGAsksFor(name: String) throws {
    let theme = try theme(name)
    let least = name == "vise-contrast" ? 7.0 : 4.5
    for role in StyleRole.allCases where !StyleRole.decorative.contains(role) {
      guard let contrast = theme.contrast(of: role) else { continue }
      let needed = StyleRole.graphical.contains(role) ? 3 : least
      #expect(contrast >= needed, "\(name): \(role) has \(contrast)")
    }
  }

  @Test(arguments: [
    ("vise-deuteranopia", ColorVision.deuteranopia), ("vise-tritanopia", .tritanopia),
    ("vise-dark", .usual), ("vise-light", .usual), ("vise-contrast", .usual), ("aurora", .usual),
  ])
  func whatColoursMeanCanBeToldApart(name: String, vision: ColorVision) throws {
    let theme = try theme(name)
    func distance(_ first: StyleRole, _ second: StyleRole) throws -> Double {
      let (one, other) = (theme[first].foreground, theme[second].foreground)
      let (first, second) = (try #require(one), try #require(other))
      return try #require(vision.distance(first, second))
    }
    for (first, second) in [(StyleRole.ok, StyleRole.warn), (.ok, .bad), (.warn, .bad)] {
      #expect(try distance(first, second) >= 20, "\(name): \(first) and \(second)")
    }
    for level in 0..<4 {
      let apart = try distance(.heat(level), .heat(level + 1))
      #expect(apart >= 15, "\(name): heat \(level) and the next are \(apart) apart")
    }
  }

  /// Without colours in the theme, attributes must carry what is meant.
  @Test func monochromeThemeHasNoColours() throws {
    let theme = try theme("vise-mono")
    for role in StyleRole.allCases {
      #expect(theme[role].foreground == nil && theme[role].background == nil, "\(role)")
    }
    #expect(theme[.selection].isReversed && theme[.bad].isUnderlined && theme[.edited].isBold)
  }

  @Test func sixteenColourThemeUsesOnlyTheTerminalsOwn() throws {
    let theme = try theme("vise-16")
    for role in StyleRole.allCases {
      for case .rgb? in [theme[role].foreground, theme[role].background] {
        Issue.record("\(role) is not one of the 16")
      }
    }
  }

  @Test func contrastIsThatOfTheStandard() throws {
    let black = try #require(ThemeColor("#000000"))
    let white = try #require(ThemeColor("#ffffff"))
    let gray = try #require(ThemeColor("#8a8a8a"))
    let most = try #require(black.contrast(with: white))
    #expect(abs(most - 21) < 1e-9)
    // By hand: ((138/255 + 0.055) / 1.055)^2.4 = 0.25415, so 1.05 / 0.30415.
    let contrast = try #require(white.contrast(with: gray))
    #expect(abs(contrast - 3.4522) < 1e-3)
    #expect(ThemeColor("red")?.contrast(with: white) == nil)
  }

  @Test func pictureHasTheColoursOfTheThemeAndPlainTextHasNone() {
    let screen = ThemePreview.screen(glyphs: .unicode)
    let ansi = ScreenPicture.ansi(screen, theme: .builtIn, level: .full)
    #expect(ansi.contains("\u{1B}[1;38;5;167mOVER\u{1B}[m"))
    #expect(ScreenPicture.ansi(screen, theme: .builtIn, level: .sixteen).contains("[1;91mOVER"))
    #expect(!ScreenPicture.text(screen).contains("\u{1B}"))
  }
}
