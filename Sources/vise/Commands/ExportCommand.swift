import ArgumentParser
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Writes a planned model as a GGUF file.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a planned model as a file other runtimes load.")

  /// File types that can be written.
  enum Target: String, ExpressibleByArgument, CaseIterable {
    case gguf
  }

  @Argument(help: "The model.")
  var model: String

  @Option(help: "The plan file.")
  var plan: String

  @Option(help: "Where to write.")
  var out: String

  @Option(help: "The file type.")
  var to = Target.gguf

  @OptionGroup var calibration: CalibrationOptions

  @Flag(help: "Replace an existing file.")
  var overwrite = false

  @Flag(help: "Only say what would be written.")
  var dryRun = false

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Report: Encodable {
    let bytes: Int?
    let predictedBytes: Int
    let substitutions: [SubstitutionEntry]
  }

  func run() throws {
    try CommandRunner.run {
      let model = try Model(path: model)
      let file = try PlanLoader.load(plan, model: model)
      let predicted = model.sizeModel.byteCount(of: file.plan)
      let written = dryRun ? nil : try export(file, model)
      let report = Report(
        bytes: written, predictedBytes: predicted, substitutions: SubstitutionEntry.list(file))
      if json {
        try JSONOutput.write(report)
      } else {
        for entry in report.substitutions { StandardError.write(entry.sentence + "\n") }
        print(
          written.map { "\($0) bytes written to \(out)" } ?? "\(predicted) bytes would be written")
      }
    }
  }

  private func export(_ file: PlanFile, _ model: Model) throws -> Int {
    let progress = ProgressLine("exporting byte")
    return try ModelExporter(
      model: model, calibration: try calibration.load(for: model), pool: ComputePool()
    ).export(
      file.plan, to: out, replacing: overwrite, cancellation: Interrupt.flag
    ) { progress.report($0, of: $1) }
  }
}
