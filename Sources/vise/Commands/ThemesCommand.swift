import ArgumentParser
import Glibc
import ViseConsole
import ViseTerminal

/// Lists themes, or shows samples of them.
struct ThemesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "themes", abstract: "List the workbench's themes with samples and contrast.")

  @Argument(help: "Names or files of themes; all that are found by default.")
  var names: [String] = []

  @Option(help: "Colours of the samples: 256, 16, 8 or mono.")
  var color: ColorLevel?

  @Option(help: "Glyphs of the samples: unicode or ascii.")
  var glyphs: GlyphSet = .unicode

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Entry: Encodable {
    let name: String
    /// The least contrast of text with its background by WCAG 2.1, as 256 colours show it.
    let leastTextContrast: Double?
  }

  private struct Report: Encodable {
    let themes: [Entry]
  }

  func run() throws {
    try CommandRunner.run(leavesNothing: true) {
      let themes = try (names.isEmpty ? ThemeSource.names() : names).map { name in
        (name: ErrorText.printable(name), theme: try Self.theme(name))
      }
      if json {
        try JSONOutput.write(
          Report(
            themes: themes.map {
              Entry(name: $0.name, leastTextContrast: $0.theme.leastTextContrast)
            }))
      } else {
        for (name, theme) in themes { show(name, theme) }
      }
    }
  }

  /// The theme of this name; otherwise says why not and ends.
  static func theme(_ name: String) throws -> Theme {
    do throws(ThemeError) {
      return try ThemeSource.theme(name)
    } catch {
      StandardError.write(
        "vise: \(ErrorText.printable(ThemeSource.sentence(for: error, theme: name)))\n")
      throw ExitCode(2)
    }
  }

  private func show(_ name: String, _ theme: Theme) {
    let contrast =
      theme.leastTextContrast.map { "text at least \(Double(Int($0 * 10)) / 10):1" }
      ?? "the terminal's own colours"
    print("\(name)  (\(contrast))")
    let sample = ThemePreview.screen(glyphs: glyphs)
    let isPlain = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    let chosen = color ?? (isPlain ? .mono : .full)
    // Escape sequences are for terminals, and for those who ask for them by --color.
    let isStyled = isatty(STDOUT_FILENO) == 1 || color != nil
    print(
      isStyled
        ? ScreenPicture.ansi(sample, theme: theme, level: chosen) : ScreenPicture.text(sample))
  }
}
