public import ViseCompression
import ViseEstimates
import ViseFormats
public import ViseGraphs
import ViseModels
import ViseTensor

/// Statistics of an ONNX model's inputs in a file, read as they are asked for.
public struct GraphCalibrationFile: CalibrationSource {
  private let file: Checkpoint
  private let header: CalibrationHeader
  private let inputs: [String: CalibrationInput]
  /// By name, values of which the file has the range.
  private let values: [String: CalibrationInput]

  /// Opens the file at `path` for `model`; checks that it is whole and about this model.
  public init(path: String, model: GraphModel) throws {
    file = try Checkpoint.openSafetensorsFile(path)
    guard let header = CalibrationHeader(file.metadata), header.isFinished else {
      throw CalibrationError.notACalibration(path: path)
    }
    guard header.model == GraphFingerprint.compute(model) else {
      throw CalibrationError.wrongModel(path: path)
    }
    self.header = header
    let inputs = Self.stored(Self.inputs(of: model))
    for input in inputs where !CalibrationStorage.holds(input, file) {
      throw CalibrationError.unusableInput(path: path, name: input.name)
    }
    self.inputs = Dictionary(
      inputs.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    // Files of before they were collected have none.
    let file = file
    let values = zip(
      model.summedValues, Self.stored(values: model.summedValues, after: inputs.count))
    self.values = Dictionary(
      values.filter { CalibrationStorage.holds($0.1, file) },
      uniquingKeysWith: { first, _ in first })
  }

  public var identity: String { header.identity }

  /// What a front end shows of it.
  func summary(of model: GraphModel) -> CalibrationSummary {
    CalibrationSummary(
      tokenCount: header.tokenCount,
      sites: Set(model.sites.filter { inputs[$0.site.name] != nil }.map(\.site.index)))
  }

  /// Refuses images that the statistics are of.
  public func check(against images: LabelledImages) throws(CalibrationError) {
    if images.identity == header.data { throw .sameText }
  }

  public func statistics(of site: Site) throws -> SiteCalibration? {
    try inputs[site.name].map(statistics)
  }

  public func range(ofValue name: String) throws -> ClosedRange<Float>? {
    guard let statistics = try values[name].map(statistics), let low = statistics.minimum.first,
      let high = statistics.maximum.first, low <= high
    else { return nil }
    return low...high
  }

  private func statistics(_ input: CalibrationInput) throws -> SiteCalibration {
    let sums = try CalibrationStorage.read(input, from: file)
    guard let statistics = sums.statistics(tokenCount: header.tokenCount) else {
      throw CalibrationError.notFinite(name: input.name)
    }
    return statistics
  }

  /// What the sites of `model` read, where that is known.
  static func inputs(of model: GraphModel) -> [GraphInput] {
    model.sites.compactMap { $0.isTreatable ? GraphInput($0, of: model) : nil }
  }

  /// Ranges of other values as the file names them: one column, since channels do not matter.
  static func stored(values: [String], after count: Int) -> [CalibrationInput] {
    values.enumerated().map { index, name in
      CalibrationInput(name: "value/\(name)", columns: 1, node: count + index)
    }
  }

  /// The same as the file names them.
  static func stored(_ inputs: [GraphInput]) -> [CalibrationInput] {
    inputs.enumerated().map { index, input in
      CalibrationInput(
        name: input.site.site.name, columns: input.site.site.columns, node: index)
    }
  }
}

/// A key for what is stored about an ONNX model: FNV-1a over names, shapes, types and samples.
package enum GraphFingerprint {
  private static let sampleByteCount = 4096

  package static func compute(_ model: GraphModel) -> String {
    var hash = FNV1a()
    for tensor in model.source.graph.initializers {
      hash.combine(tensor.name.utf8)
      hash.combine("\(tensor.shape) \(tensor.type.name)".utf8)
      tensor.withBytes { bytes in
        hash.combine(bytes.prefix(sampleByteCount / 2))
        hash.combine(bytes.suffix(sampleByteCount / 2))
      }
    }
    return hash.hexadecimal
  }
}
