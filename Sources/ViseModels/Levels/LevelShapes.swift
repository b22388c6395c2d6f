import ViseCompression
import ViseTensor

/// What a site under a treatment consists of, known without making it.
struct LevelShapes {
  let format: NumberFormat
  private let shape: WeightShape
  private let form: SiteForm

  /// `nil` where nothing can be stored, or remaking it costs no more than reading it.
  init?(_ site: Site, _ treatment: Treatment) {
    guard treatment.problem(for: site) == nil else { return nil }
    format = treatment.storedFormat(for: site)
    if treatment.isFormatOnly, format == .ggml(.f16) || format == .ggml(.bf16) { return nil }
    (shape, form) = (site.shape, treatment.form)
  }

  private var parts: [SiteForm.Part] { form.parts(of: shape) }

  /// Bytes of each tensor, those of the first part first.
  var byteCounts: [Int] {
    parts.flatMap { format.codec.layout(rows: $0.rows, columns: $0.columns) }.map(\.byteCount)
  }

  /// The site whose tensors have `bytes`.
  func site(_ bytes: [ByteBuffer]) -> CompressedSite {
    var rest = bytes[...]
    let codec = format.codec
    let weights = parts.map { part in
      let layout = codec.layout(rows: part.rows, columns: part.columns)
      let tensors = zip(layout, rest).map { EncodedWeight.Part($0, bytes: $1) }
      rest = rest.dropFirst(layout.count)
      return EncodedWeight(rows: part.rows, columns: part.columns, parts: tensors)
    }
    return CompressedSite(weights, form: form, format: format, shape: shape)
  }
}
