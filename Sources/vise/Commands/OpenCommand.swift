public import ArgumentParser
import ViseConsole
public import ViseTerminal

/// Opens the workbench.
struct OpenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open", abstract: "Open a model in the workbench (the default).")

  @OptionGroup var workbench: WorkbenchModelOptions

  @Option(help: "Colours: 256, 16, 8 or mono; what the terminal has by default.")
  var color: ColorLevel?

  @Option(help: "Glyphs: unicode or ascii; by the locale by default.")
  var glyphs: GlyphSet?

  @Option(help: "A theme's name or file.")
  var theme: String?

  @Flag(help: "Let the mouse select, sort and scroll.")
  var mouse = false

  @Flag(help: "Update figures less often, for slow lines.")
  var slowUi = false

  func run() throws {
    let engine = try workbench.engineOptions()
    let code = runWorkbench(
      modelPath: workbench.model, samples: SampleModels.all,
      options: WorkbenchOptions(
        color: color, glyphs: glyphs, theme: theme, isMouseEnabled: mouse, isSlow: slowUi)
    ) { path, mailbox in EngineLine(path: path, options: engine, mailbox: mailbox) }
    if code != 0 { throw ExitCode(code) }
  }
}

extension ColorLevel: ExpressibleByArgument {}
extension GlyphSet: ExpressibleByArgument {}
