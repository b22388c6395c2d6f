import ViseEvaluation
import ViseFormats
import ViseGraphs

/// Writes an ONNX model that computes the same with weights that are easier to quantize.
struct GraphRewriting {
  let path: String
  let out: String
  let replacing: Bool
  /// SmoothQuant's exponent; `nil` equalizes.
  let alpha: Double?
  let calibration: String?

  /// The layers one set of factors was moved between.
  private struct Link: Encodable {
    /// What was divided, a weight or a normalization's output, and the weights that were multiplied.
    let divided: String
    let multiplied: [String]
    let smallestFactor, largestFactor: Double
  }

  /// The JSON contract.
  private struct Report: Encodable {
    let bytes: Int
    let rewrites: [String]
    let links: [Link]
  }

  func run(json: Bool) throws {
    let model = try GraphModel.open(path: path).foldingNormalizations()
    let (rewritten, note, links) =
      try alpha.map { try smoothed(model, alpha: $0) } ?? equalized(model)
    let bytes = try ONNXWriter.write(rewritten.source, to: out, replacing: replacing)
    if json { return try JSONOutput.write(Report(bytes: bytes, rewrites: [note], links: links)) }
    let least = links.map(\.smallestFactor).min() ?? 1
    let most = links.map(\.largestFactor).max() ?? 1
    print("rewrite   \(note), factors \(Self.short(least)) to \(Self.short(most))")
    print("written   \(bytes) bytes")
  }

  private static func short(_ factor: Double) -> String { "\((factor * 1e4).rounded() / 1e4)" }

  private func equalized(_ model: GraphModel) throws -> (GraphModel, String, [Link]) {
    let result = try GraphEqualization(model, cancellation: Interrupt.flag)
    let links = result.changes.map {
      Link(
        divided: $0.maker, multiplied: [$0.reader], smallestFactor: $0.smallestFactor,
        largestFactor: $0.largestFactor)
    }
    return (result.model, "equalized \(links.count) pairs in \(result.passes) passes", links)
  }

  private func smoothed(
    _ model: GraphModel, alpha: Double
  ) throws -> (GraphModel, String, [Link]) {
    guard let calibration else { throw GraphRewriteError.needsCalibration(path) }
    let result = try GraphSmoothing(
      model, calibration: GraphCalibrationFile(path: calibration, model: model), alpha: alpha)
    let links = result.changes.map {
      Link(
        divided: $0.value, multiplied: $0.weights, smallestFactor: Double($0.smallestFactor),
        largestFactor: Double($0.largestFactor))
    }
    return (result.model, "smoothed \(links.count) normalizations, alpha \(alpha)", links)
  }
}
