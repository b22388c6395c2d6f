import ViseCompression
public import ViseEstimates
import ViseFormats
public import ViseGraphs

extension ModelSummary {
  /// What a front end needs to know of an ONNX model.
  ///
  /// - Parameter unavailable: why quality cannot be evaluated.
  /// - Throws: `ONNXError` where the model could not be written.
  public init(
    _ model: GraphModel, unavailable: String?, calibration: CalibrationSummary? = nil
  ) throws {
    let sites = model.sites.map(\.site)
    self.init(
      name: model.name, architecture: "onnx", path: model.source.path,
      fingerprint: GraphFingerprint.compute(model), parameterCount: model.parameterCount,
      fileByteCount: model.source.byteCount, blockCount: 0, sites: sites,
      sizeModel: SizeModel(onnx: try GraphSizes(model), sites: sites),
      evaluationUnavailable: unavailable, calibration: calibration, sample: .image)
  }
}
