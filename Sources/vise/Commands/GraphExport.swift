import ViseCompression
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseModels
import ViseTensor

/// Writes an ONNX model as a plan leaves it.
struct GraphExport {
  let path: String
  let planPath: String
  let out: String
  let calibration: String?
  let replacing: Bool
  let isDry: Bool

  /// The JSON contract.
  private struct Report: Encodable {
    let bytes: Int?
    let predictedBytes: Int
    let target = "onnx"
    let substitutions: [SubstitutionEntry]
  }

  func run(json: Bool) throws {
    let model = try GraphModel.open(path: path).foldingNormalizations()
    let file = try GraphPlanLoader.load(planPath, model: model)
    let statistics = try calibration.map { try GraphCalibrationFile(path: $0, model: model) }
    let planned = try PlannedGraph(
      model, plan: file.plan, calibration: statistics,
      work: RowWork(pool: ComputePool(), cancellation: Interrupt.flag))
    let predicted = try ONNXWriter.byteCount(of: planned.model)
    let written =
      isDry ? nil : try ONNXWriter.write(planned.model, to: out, replacing: replacing)
    let report = Report(
      bytes: written, predictedBytes: predicted,
      substitutions: SubstitutionEntry.list(file) + SubstitutionEntry.list(planned))
    if json {
      try JSONOutput.write(report)
      return
    }
    for entry in report.substitutions { StandardError.write(entry.sentence + "\n") }
    print(
      written.map { "\($0) bytes written to \(out) as onnx" }
        ?? "\(predicted) bytes would be written as onnx")
  }
}
