public import ArgumentParser
import ViseCompression
import ViseFormats
import ViseGraphs
public import ViseModels
import ViseTensor

/// Writes a planned model as files other runtimes load.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a planned model as files other runtimes load.",
    discussion: """
      gguf holds ggml's types and runs in llama.cpp. safetensors is Vise's own layout, which holds \
      every treatment. compressed-tensors (int4 and int8, for vLLM) and dense (plain floats) are \
      folders with model.safetensors and config.json. ONNX models become ONNX models (onnx).
      """)

  @OptionGroup var input: ModelArguments

  @Option(help: "The plan file.")
  var plan: String

  @Option(help: "Where to write: a file, or a folder for compressed-tensors and dense.")
  var out: String

  @Option(
    help:
      "gguf, safetensors, compressed-tensors, dense or onnx; by default gguf where it holds the plan."
  )
  var to: ExportName?

  @Option(help: "How folders store what is not quantized: f16, bf16 or f32.")
  var dtype = FloatType.f16

  @OptionGroup var calibration: CalibrationOptions

  @Option(
    help: """
      Memory to keep to beside the mapped file, such as 300MB; half of the machine's by default. \
      Larger layers of GGUF files are then encoded a few rows at a time.
      """)
  var memory: ByteCount?

  @Flag(help: "Replace an existing file.")
  var overwrite = false

  @Flag(help: "Only say what would be written.")
  var dryRun = false

  private struct Report: Encodable {
    let bytes: Int?
    let predictedBytes: Int
    let target: String
    let substitutions: [SubstitutionEntry]
  }

  func run() throws {
    try CommandRunner.run {
      if to?.target == nil, GraphModel.accepts(path: input.model) {
        try GraphExport(
          path: input.model, planPath: plan, out: out, calibration: calibration.calibration,
          replacing: overwrite, isDry: dryRun
        ).run(json: input.json)
        return
      }
      if let to, to.target == nil { throw InputError.notONNX }
      let model = try Model(path: input.model)
      let file = try PlanLoader.load(plan, model: model)
      let target = to?.target ?? model.exportTarget(of: file.plan, path: out)
      let predicted = try model.exportByteCount(of: file.plan, as: target, floats: dtype)
      let written = dryRun ? nil : try export(file, model, as: target)
      let report = Report(
        bytes: written, predictedBytes: predicted, target: target.rawValue,
        substitutions: SubstitutionEntry.list(file))
      if input.json {
        try JSONOutput.write(report)
      } else {
        for entry in report.substitutions { StandardError.write(entry.sentence + "\n") }
        print(
          written.map { "\($0) bytes written to \(out) as \(target.rawValue)" }
            ?? "\(predicted) bytes would be written as \(target.rawValue)")
      }
    }
  }

  private func export(_ file: PlanFile, _ model: Model, as target: ExportTarget) throws -> Int {
    let progress = ProgressLine("exporting byte")
    return try ModelExporter(
      model: model, calibration: try calibration.load(for: model),
      levels: LevelDatabase.standard(), pool: ComputePool(),
      byteBudget: memory?.value ?? RunOptions.physicalMemory / 2
    ).export(
      file.plan, to: out, as: target, floats: dtype, replacing: overwrite,
      cancellation: Interrupt.flag
    ) { progress.report($0, of: $1) }
  }
}

/// What `--to` names: a target of language models, or ONNX.
enum ExportName: ExpressibleByArgument {
  case onnx
  case other(ExportTarget)

  init?(argument: String) {
    if argument == "onnx" {
      self = .onnx
    } else if let target = ExportTarget(rawValue: argument) {
      self = .other(target)
    } else {
      return nil
    }
  }

  /// `nil` for ONNX.
  var target: ExportTarget? {
    if case .other(let target) = self { target } else { nil }
  }

  static var allValueStrings: [String] {
    ["onnx"] + ExportTarget.allCases.map(\.rawValue)
  }
}

extension FloatType: ExpressibleByArgument {}
