import ArgumentParser
import ViseEvaluation
import ViseModels
import ViseTrials

/// The model the workbench opens, and what its engine works with.
struct WorkbenchModelOptions: ParsableArguments {
  @Argument(
    help: "A GGUF or safetensors model; without one `open` lists some, and others take the sample.")
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

  /// The path of the model, the sample's where none was named, and the engine's options.
  func engine() throws -> (path: String, options: Engine.Options) {
    guard let modelPath = model ?? SampleModels.path(of: SampleModels.defaultModel) else {
      throw Self.noSample()
    }
    return (modelPath, try engineOptions())
  }

  private static func noSample() -> ExitCode {
    StandardError.write("vise: \(ErrorText.describe(InputError.noSampleModel))\n")
    return ExitCode(2)
  }

  /// What an engine works with, whichever model it opens.
  func engineOptions() throws -> Engine.Options {
    guard let textPath = text ?? SampleModels.path(of: SampleModels.defaultText) else {
      throw Self.noSample()
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
    return engine
  }
}
