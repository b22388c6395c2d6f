public import ArgumentParser
import ViseConsole
import ViseEstimates
import ViseEvaluation
import ViseModels
public import ViseTerminal
import ViseTrials
import ViseWorkbench

/// Opens the workbench.
struct OpenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open", abstract: "Open a model in the workbench (the default).")

  @Argument(help: "A GGUF or safetensors model; the sample model by default.")
  var model: String?

  @Option(help: "The text quality is measured on; the sample model's by default.")
  var text: String?

  @Option(help: "Measure on at most this many tokens of the text.")
  var limit = 32_768

  @Option(help: "Tokens of a window; its second half is scored.")
  var window = 512

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

  @OptionGroup var calibration: CalibrationOptions

  @OptionGroup var options: RunOptions

  func validate() throws {
    guard window >= 4, limit >= window else {
      throw ValidationError("--limit must hold at least one --window of 4 or more tokens")
    }
  }

  func run() throws {
    guard let modelPath = model ?? SampleModels.path(of: SampleModels.defaultModel),
      let textPath = text ?? SampleModels.path(of: SampleModels.defaultText)
    else {
      StandardError.write("vise: \(ErrorText.describe(InputError.noSampleModel))\n")
      throw ExitCode(2)
    }
    var engineOptions = Engine.Options(
      textPath: textPath, tokenLimit: limit, windowLength: window,
      memoryByteCount: options.memoryByteCount,
      calibrationPath: calibration.calibration, describe: { ErrorText.describe($0) })
    engineOptions.levels = LevelDatabase.standard()
    engineOptions.effects = EffectFiles.standard()
    engineOptions.trialFolder = TrialStore.standardFolder()
    engineOptions.machine = MachineFiles.standard()
    engineOptions.startSearch = { try WorkbenchSearch($0, $1) }
    let engine = engineOptions
    let code = runWorkbench(
      modelPath: modelPath,
      options: WorkbenchOptions(
        color: color, glyphs: glyphs, theme: theme, isMouseEnabled: mouse, isSlow: slowUi)
    ) { mailbox in EngineLine(path: modelPath, options: engine, mailbox: mailbox) }
    if code != 0 { throw ExitCode(code) }
  }
}

extension ColorLevel: ExpressibleByArgument {}
extension GlyphSet: ExpressibleByArgument {}
