import ViseEvaluation
import ViseGraphs
import ViseTensor

/// Collects the statistics of an ONNX model's inputs on images.
struct GraphCalibration {
  let path: String
  let out: String
  let replacing: Bool
  let limit: Int?
  let imageOptions: ImageOptions
  let options: RunOptions

  /// The JSON contract.
  private struct Report: Encodable {
    let images, sites, bytes: Int
    let seconds: Double
  }

  func run(json: Bool) throws {
    let model = try GraphModel.open(path: path).foldingNormalizations()
    let images = try imageOptions.images(
      for: model, use: .calibration, limit: limit, byteLimit: options.memoryByteCount)
    let collector = try GraphCalibrationCollector(
      model: model, images: images, pool: options.pool(), byteLimit: options.memoryByteCount)
    let progress = ProgressLine("calibrating image")
    let start = ContinuousClock.now
    let bytes = try collector.run(
      to: out, replacing: replacing, source: "images", cancellation: Interrupt.flag
    ) { progress.report($0, of: images.count) }
    let report = Report(
      images: images.count, sites: collector.siteCount, bytes: bytes,
      seconds: (ContinuousClock.now - start) / .seconds(1))
    if json {
      try JSONOutput.write(report)
      return
    }
    print("images                \(report.images)")
    print("sites                 \(report.sites)")
    print("written               \(report.bytes) bytes")
  }
}
