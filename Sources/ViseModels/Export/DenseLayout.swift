import ViseCompression
import ViseFormats

/// A folder that holds the values a plan leaves as plain floats: `model.safetensors` and `config.json`.
///
/// Names, shapes and orders are Hugging Face's, so that anything loads it. Matrices are rounded to
/// the float type asked for; in F32 they are exactly what was evaluated.
enum DenseLayout {
  static let metadata = ["format": "pt"]
}

extension Model {
  /// The folder with the values `plan` leaves.
  func denseExport(of plan: Plan, floats: FloatType) throws -> SafetensorsExport {
    let misfits = misfits(of: plan, in: .dense)
    guard misfits.isEmpty else { throw ExportError.unsuitable(misfits) }
    let sites = Dictionary(uniqueKeysWithValues: sites.map { ($0.name, $0) })
    return try SafetensorsExport(
      metadata: DenseLayout.metadata,
      jobs: try hubTensors(of: plan).map {
        denseJob($0, site: sites[$0.record.name], plan: plan, floats: floats)
      },
      configuration: try hubConfiguration(of: plan, floats: floats))
  }
}
