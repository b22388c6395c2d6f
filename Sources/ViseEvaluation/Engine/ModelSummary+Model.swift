import ViseCompression
public import ViseEstimates
import ViseFormats
public import ViseModels

extension ModelSummary {
  /// What a front end needs to know of `model`.
  public init(
    _ model: Model, calibration: CalibrationFile? = nil, describe: (any Error) -> String
  ) {
    var unavailable: String?
    if case .failure(let error) = model.program { unavailable = describe(error) }
    self.init(
      name: model.name, architecture: model.architecture, path: model.checkpoint.path,
      fingerprint: model.fingerprint, parameterCount: model.parameterCount,
      fileByteCount: model.fileByteCount,
      blockCount: Set(model.sites.compactMap(\.block)).count, sites: model.sites,
      sizeModel: model.sizeModel, evaluationUnavailable: unavailable,
      calibration: calibration.map { file in
        CalibrationSummary(
          tokenCount: file.tokenCount,
          sites: Set(model.sites.filter { file.covers($0) }.map(\.index)))
      })
  }
}
