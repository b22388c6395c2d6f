import ArgumentParser
import ViseEvaluation
import ViseModels
import ViseTrials

/// The model the workbench opens, and what its engine works with.
struct WorkbenchModelOptions: ParsableArguments {
  @Argument(help: "A GGUF or safetensors model; the sample model by default.")
  var model: String?

  @Option(help: "The text quality is measured on; the sample model's by default.")
  var text: String?

  @Option(help: "Measure on at most this many tokens of the text.")
  var limit = 32_768

  @Option(help: "Tokens of a window; its second half is scored.")
  var window = 512

  @OptionGroup var calibration: CalibrationOptions

  @OptionGroup var options: RunOptions

  func validate() throws {
    guard window >= 4, limit >= window else {
      throw ValidationError("--limit must hold at least one --window of 4 or more tokens")
    }
  }

  /// The model's path, and the engine's options.
  func engine() throws -> (path: String, options: Engine.Options) {
    guard let modelPath = model ?? SampleModels.path(of: SampleModels.defaultModel),
      let textPath = text ?? SampleModels.path(of: SampleModels.defaultText)
    else {
      StandardError.write("vise: \(ErrorText.describe(InputError.noSampleModel))\n")
      throw ExitCode(2)
    }
    var engine = Engine.Options(
      textPath: textPath, tokenLimit: limit, windowLength: window,
      memoryByteCount: options.memoryByteCount,
      calibrationPath: calibration.calibration, describe: { ErrorText.describe($0) })
    engine.levels = LevelDatabase.standard()
    engine.effects = EffectFiles.standard()
    engine.trialFolder = TrialStore.standardFolder()
    engine.machine = MachineFiles.standard()
    engine.startSearch = { try WorkbenchSearch($0, $1) }
    return (modelPath, engine)
  }
}
