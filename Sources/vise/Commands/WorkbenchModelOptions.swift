import ArgumentParser
import ViseEvaluation
import ViseGraphs
import ViseModels
import ViseTrials

/// The model the workbench opens, and what its engine works with.
struct WorkbenchModelOptions: ParsableArguments {
  @Argument(
    help: """
      A GGUF, safetensors or ONNX model; without one `open` lists some, and others take the sample.
      """
  )
  var model: String?

  @Option(help: "The text quality is measured on; the sample model's by default.")
  var text: String?

  @Option(help: "Measure on at most this many tokens of the text.")
  var limit = 32_768

  @Option(help: "Tokens of a window; its second half is scored.")
  var window = 512

  @OptionGroup var imageOptions: ImageOptions

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
      throw Self.refusal(.noSampleModel)
    }
    return (modelPath, try engineOptions())
  }

  private static func refusal(_ error: InputError) -> ExitCode {
    StandardError.write("vise: \(ErrorText.describe(error))\n")
    return ExitCode(2)
  }

  /// What an engine works with, whichever model it opens.
  func engineOptions() throws -> Engine.Options {
    var textPath = ""
    // Images measure ONNX models.
    if text != nil || model.map(GraphModel.accepts(path:)) != true {
      do {
        textPath = try SampleModels.text(text)
      } catch {
        throw Self.refusal(error)
      }
    }
    var engine = Engine.Options(
      textPath: textPath, tokenLimit: limit, windowLength: window,
      memoryByteCount: options.memoryByteCount,
      calibrationPath: calibration.calibration, describe: { ErrorText.describe($0) })
    let (imageOptions, memory) = (imageOptions, options.memoryByteCount)
    engine.images = { model in
      try imageOptions.found(beside: model, limit: nil, byteLimit: memory)
    }
    if let path = calibration.calibration {
      engine.graphCalibration = { try GraphCalibrationFile(path: path, model: $0) }
    }
    engine.levels = LevelDatabase.standard()
    engine.effects = EffectFiles.standard()
    engine.trialFolder = TrialStore.standardFolder()
    engine.machine = MachineFiles.standard()
    engine.startSearch = { try WorkbenchSearch($0, $1) }
    engine.startGraphSearch = { try WorkbenchSearch($0, $1) }
    return engine
  }
}
