import ViseCompression
import ViseFormats
import ViseTensor

/// A safetensors file to be written: where everything lies, and what makes each tensor.
struct SafetensorsExport {
  let layout: SafetensorsLayout
  let jobs: [TensorJob]
  /// `config.json`, for folders.
  let configuration: JSONValue?

  init(
    metadata: [String: String], jobs: [TensorJob], configuration: JSONValue? = nil
  ) throws(SafetensorsLayoutError) {
    layout = try SafetensorsLayout(metadata: metadata, tensors: jobs.flatMap(\.tensors))
    self.jobs = jobs
    self.configuration = configuration
  }

  /// The text of `config.json`.
  var configurationText: String? { configuration.map { $0.indentedText() + "\n" } }

  /// Bytes of all files together.
  var byteCount: Int { layout.byteCount + (configurationText?.utf8.count ?? 0) }
}

/// Consecutive tensors of an exported file that come from one tensor of the source.
struct TensorJob {
  let tensors: [SafetensorsLayout.Tensor]
  let content: Content

  /// Where the tensors' bytes come from.
  enum Content {
    /// The source's, byte for byte.
    case stored(TensorRecord)
    /// A bias that is shorter, or takes up an error.
    case bias(BiasChange)
    /// The parts of a treated site.
    case parts(Site, Treatment)
    /// A treated site packed into words of 32 bits, its rows in `order`.
    case packed(Site, Treatment, order: RowOrder)
    /// Values as floats.
    case floats(DenseTensor)
  }
}

/// The order in which a Hugging Face file has the rows of a GGUF file's weight.
enum RowOrder: Hashable {
  case same
  /// Rotary pairs that are neighbours within a head become halves of the head.
  case pairsToHalves(headLength: Int)

  /// The source's row that becomes row `row`.
  func source(of row: Int) -> Int {
    switch self {
    case .same: return row
    case .pairsToHalves(let length):
      let (head, place) = row.quotientAndRemainder(dividingBy: length)
      let (half, pair) = place.quotientAndRemainder(dividingBy: length / 2)
      return head * length + 2 * pair + half
    }
  }
}
