public import ViseCompression

/// What a front end needs to know of an opened model; no weights.
public struct ModelSummary: Hashable, Sendable {
  /// What quality is a mean over, and what one run of the model takes.
  public enum Sample: String, Hashable, Sendable {
    case token, image
  }

  /// The model's name from its metadata, or the file's; untrusted text.
  public let name: String
  /// Such as `llama` or `gemma3`.
  public let architecture: String
  /// Where it was opened from.
  public let path: String
  /// A hash of the weights, the key of everything stored about the model.
  public let fingerprint: String
  public let parameterCount: Int
  public let fileByteCount: Int
  public let blockCount: Int
  public let sites: [Site]
  public let sizeModel: SizeModel
  /// Why quality cannot be evaluated; `nil` where it can.
  public let evaluationUnavailable: String?
  /// `nil` where no calibration is in use.
  public let calibration: CalibrationSummary?
  public let sample: Sample

  public init(
    name: String, architecture: String, path: String, fingerprint: String, parameterCount: Int,
    fileByteCount: Int, blockCount: Int, sites: [Site], sizeModel: SizeModel,
    evaluationUnavailable: String?, calibration: CalibrationSummary? = nil,
    sample: Sample = .token
  ) {
    self.sample = sample
    self.name = name
    self.architecture = architecture
    self.path = path
    self.fingerprint = fingerprint
    self.parameterCount = parameterCount
    self.fileByteCount = fileByteCount
    self.blockCount = blockCount
    self.sites = sites
    self.sizeModel = sizeModel
    self.evaluationUnavailable = evaluationUnavailable
    self.calibration = calibration
  }
}
