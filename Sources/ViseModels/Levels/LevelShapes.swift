import ViseCompression
import ViseTensor

/// What a site under a treatment consists of, known without making it.
struct LevelShapes {
  let format: NumberFormat
  private let rows: Int
  private let columns: Int
  private let rank: Int?

  /// `nil` where nothing can be stored, or remaking it costs no more than reading it.
  init?(_ site: Site, _ treatment: Treatment) {
    guard treatment.problem(for: site) == nil else { return nil }
    format = treatment.storedFormat(for: site)
    if treatment.isFormatOnly, format == .ggml(.f16) || format == .ggml(.bf16) { return nil }
    (rows, columns, rank) = (site.rows, site.columns, treatment.lowRank?.rank)
  }

  private var sides: [[WeightPart]] {
    guard let rank else { return [format.codec.layout(rows: rows, columns: columns)] }
    return [
      format.codec.layout(rows: rows, columns: rank),
      format.codec.layout(rows: rank, columns: columns),
    ]
  }

  /// Bytes of each part, those of the left factor first.
  var byteCounts: [Int] { sides.flatMap { $0 }.map(\.byteCount) }

  /// The site whose parts have `bytes`.
  func site(_ bytes: [ByteBuffer], work: RowWork) throws -> CompressedSite {
    var rest = bytes[...]
    func weight(_ layout: [WeightPart], rows: Int, columns: Int) -> EncodedWeight {
      let parts = zip(layout, rest).map { EncodedWeight.Part($0, bytes: $1) }
      rest = rest.dropFirst(layout.count)
      return EncodedWeight(rows: rows, columns: columns, parts: parts)
    }
    let codec = format.codec
    let sides = sides
    guard let rank else {
      let weight = weight(sides[0], rows: rows, columns: columns)
      return CompressedSite(
        storage: .dense(weight), format: format, values: try codec.decode(weight, work: work))
    }
    try BLAS.load()
    let left = weight(sides[0], rows: rows, columns: rank)
    let right = weight(sides[1], rows: rank, columns: columns)
    return CompressedSite(
      storage: .factors(left: left, right: right), format: format,
      values: LinearAlgebra.product(
        try codec.decode(left, work: work), try codec.decode(right, work: work)))
  }
}
