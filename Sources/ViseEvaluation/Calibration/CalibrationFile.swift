import Synchronization
public import ViseCompression
import ViseFormats
public import ViseModels
import ViseTensor

/// Statistics of a model's inputs in a file, read as they are asked for.
public final class CalibrationFile: CalibrationSource {
  private let file: Checkpoint
  private let header: CalibrationHeader
  private let inputs: CalibrationInputs
  /// The input read last: sites that share one are asked for one after the other.
  private let latest = Mutex<(index: Int, statistics: SiteCalibration)?>(nil)
  /// Hashes of the calibration text's runs of tokens.
  public let grams: TextGrams

  /// Opens the file at `path` for `model`; checks that it is whole and about this model.
  public init(path: String, model: Model) throws {
    let program = try model.program.get()
    file = try Checkpoint.openSafetensorsFile(path)
    guard let header = CalibrationHeader(file.metadata), header.isFinished else {
      throw CalibrationError.notACalibration(path: path)
    }
    guard header.model == model.fingerprint else { throw CalibrationError.wrongModel(path: path) }
    self.header = header
    inputs = CalibrationInputs(model, program.graph)
    for input in inputs.all where !CalibrationStorage.holds(input, file) {
      throw CalibrationError.unusableInput(path: path, name: input.name)
    }
    grams = CalibrationStorage.grams(in: file)
  }

  public var path: String { file.path }
  /// Tokens the statistics are over.
  public var tokenCount: Int { header.tokenCount }
  /// Where the text came from, in words; untrusted on a screen.
  public var source: String { header.source }
  public var identity: String { header.identity }

  /// Whether it has statistics of the input of `site`.
  public func covers(_ site: Site) -> Bool { inputs.indices[site.name] != nil }

  public func statistics(of site: Site) throws -> SiteCalibration? {
    guard let index = inputs.indices[site.name] else { return nil }
    if let found = latest.withLock({ $0?.index == index ? $0?.statistics : nil }) { return found }
    let sums = try CalibrationStorage.read(inputs.all[index], from: file)
    guard let statistics = sums.statistics(tokenCount: tokenCount) else {
      throw CalibrationError.notFinite(name: inputs.all[index].name)
    }
    latest.withLock { $0 = (index, statistics) }
    return statistics
  }

  /// How much of a text to be evaluated on the calibration text held too.
  public func overlap(with evaluation: EvaluationText) -> CalibrationOverlap {
    grams.overlap(with: evaluation.tokens)
  }
}
