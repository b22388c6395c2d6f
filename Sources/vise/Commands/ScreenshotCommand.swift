import ArgumentParser
import Glibc
import ViseConsole
import ViseTerminal

/// Draws a screen of the workbench without a terminal.
struct ScreenshotCommand: ParsableCommand {
  /// What a picture is written as.
  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case text, ansi, svg
  }

  static let configuration = CommandConfiguration(
    commandName: "screenshot",
    abstract: "Press keys in the workbench without a terminal and save the screen.",
    discussion: """
      Keys stand for themselves; <enter>, <esc>, <tab>, <space>, <up>, <C-r> and the like for others, \
      <lt> for <, and <wait> waits until the engine has nothing to do. No session is kept and \
      nothing is exported.
      """)

  @OptionGroup var workbench: WorkbenchModelOptions

  @Option(help: "Keys to press, such as 'jj3<wait>i'.")
  var keys = ""

  @Option(help: "Columns and rows.")
  var size = ScreenSize(columns: 80, rows: 24)

  @Option(name: .customLong("as"), help: "text, ansi or svg; by --out's ending by default.")
  var kind: Kind?

  @Option(help: "Glyphs: unicode or ascii.")
  var glyphs: GlyphSet = .unicode

  @Option(help: "A theme's name or file.")
  var theme: String?

  @Option(help: "Colours of an ansi picture: 256, 16, 8 or mono.")
  var color: ColorLevel = .full

  @Option(help: "Seconds to wait for the engine at most, each time.")
  var patience = 60.0

  @Option(help: "The file to write; the standard output by default.")
  var out: String?

  func validate() throws {
    _ = try Self.script(keys)
    guard (0...86_400).contains(patience) else {
      throw ValidationError("--patience must be 0 to 86400 seconds")
    }
  }

  func run() throws {
    let script = try Self.script(keys)
    let look = try theme.map(ThemesCommand.theme) ?? .builtIn
    let (path, engine) = try workbench.engine()
    var recorder = ScreenRecorder(
      modelPath: path, size: size, glyphs: glyphs, patience: patience)
    let (frame, problem) = recorder.record(script) { mailbox in
      EngineLine(path: path, options: engine, mailbox: mailbox)
    }
    if let problem {
      StandardError.write("vise: \(ErrorText.printable(problem))\n")
      throw ExitCode(2)
    }
    try write(picture(frame, look))
  }

  private static func script(_ keys: String) throws -> KeyScript {
    do throws(KeyScript.Problem) {
      return try KeyScript(keys)
    } catch {
      throw ValidationError("--keys: \(ErrorText.printable(error.text)) is no key")
    }
  }

  private func picture(_ frame: Frame, _ theme: Theme) -> String {
    switch kind ?? (out?.hasSuffix(".svg") == true ? .svg : .text) {
    case .text: ScreenPicture.text(frame.buffer)
    case .ansi: ScreenPicture.ansi(frame.buffer, theme: theme, level: color)
    case .svg: ScreenPicture.svg(frame.buffer, theme: theme)
    }
  }

  private func write(_ picture: String) throws {
    guard let out else {
      print(picture, terminator: "")
      return
    }
    guard let file = fopen(out, "w") else {
      StandardError.write(
        "vise: \(ErrorText.printable(out)): \(String(cString: strerror(errno)))\n")
      throw ExitCode(2)
    }
    let isWritten = fputs(picture, file) >= 0
    guard fclose(file) == 0, isWritten else {
      StandardError.write(
        "vise: \(ErrorText.printable(out)): \(String(cString: strerror(errno)))\n")
      throw ExitCode(2)
    }
  }
}
