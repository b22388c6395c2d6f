import ViseCompression
import ViseEstimates
import ViseTensor

extension SensitivityTable {
  private typealias SiteFigure = (Column, @Sendable (SiteReport) -> Cell?)
  private typealias OptionFigure = (Column, @Sendable (OptionReport, SiteReport) -> Cell?)

  /// A row a site, with the columns that hold anything.
  ///
  /// - Parameters:
  ///   - options: names of the options, as many as each report has.
  ///   - tokenCount: tokens divergences were measured on.
  public init(sites reports: [SiteReport], options: [String], tokenCount: Int?) {
    var columns: [Column] = []
    var cells: [[Cell?]] = []
    func add(_ column: Column, isKept: Bool = false, _ values: [Cell?]) {
      guard isKept || values.contains(where: { $0 != nil }) else { return }
      columns.append(column)
      cells.append(values)
    }
    for (column, value) in Self.identity + Self.weightFigures(reports) + Self.spectrumFigures {
      add(column, isKept: column.key == "block", reports.map(value))
    }
    for (index, option) in options.enumerated() {
      let isReplaced = reports.contains {
        $0.options[index].map { $0.treatment.name != option } ?? false
      }
      for (column, value) in Self.optionFigures(option, tokenCount, isReplaced: isReplaced) {
        add(column, reports.map { report in report.options[index].flatMap { value($0, report) } })
      }
    }
    self.init(
      columns: columns, rows: reports.indices.map { row in cells.map { $0[row] } })
  }

  private static func column(
    _ key: String, _ meaning: String, option: String? = nil, _ provenance: String = "exact",
    brief: Bool = false
  ) -> Column {
    Column(option: option, key: key, meaning: meaning, provenance: provenance, isBrief: brief)
  }

  private static let identity: [SiteFigure] = [
    (column("site", "name in the checkpoint", brief: true), { .text($0.site.name) }),
    (column("role", "what it does"), { .text($0.site.role.rawValue) }),
    (column("block", "transformer block"), { $0.site.block.map { .count($0) } }),
    (column("rows", "output features"), { .count($0.site.rows) }),
    (column("columns", "input features"), { .count($0.site.columns) }),
    (column("format", "as stored", brief: true), { .text($0.site.stored.name) }),
    (column("bytes", "as stored", brief: true), { .count($0.byteCount) }),
  ]

  private static func weightFigures(_ reports: [SiteReport]) -> [SiteFigure] {
    [
      (column("zero_share", "values that are 0"), { .number($0.weight.zeroShare) }),
      (
        column("pq_index", "PQ index, p = 0.5, q = 1.5: 0 equal, near 1 sparse", brief: true),
        { .number($0.weight.pqIndex) }
      ),
      (
        column("kurtosis", "E[(w-mean)^4]/variance^2", brief: true),
        { $0.weight.kurtosis.map { .number($0) } }
      ),
      (
        column("tail_exponent", "Hill's alpha of the largest 1 % of magnitudes", brief: true),
        { $0.weight.tailExponent.map { .number($0) } }
      ),
      (
        column(
          "lossless_bits", "fewest fixed-point bits with KL of 100-bin histograms at most 0.01",
          brief: true), { $0.weight.losslessBits.map { .count($0) } }
      ),
      (
        column("input_energy", "trace of E[x x^T] of its inputs", "measured on calibration text"),
        { $0.inputEnergy.map { .number($0) } }
      ),
    ]
  }

  private static let spectrumFigures: [SiteFigure] = [
    (
      column("effective_rank", "exp of the singular values' entropy", spectral, brief: true),
      { $0.spectrum?.effectiveRank.map { .number($0) } }
    ),
    (
      column("top_energy", "share of squares in the largest tenth of singular values", spectral),
      { $0.spectrum.map { .number($0.topEnergy) } }
    ),
    (
      column("spectrum_alpha", "Hill's alpha of the upper half of squared values", spectral),
      { $0.spectrum?.tailExponent.map { .number($0) } }
    ),
    (
      column("spectrum_sampled", "1 where evenly spaced rows and columns stand for all"),
      { $0.spectrum.map { .count($0.isSampled ? 1 : 0) } }
    ),
  ]

  private static let spectral = "exact; of a sample where spectrum_sampled is 1"

  /// - Parameter isReplaced: whether some site gets another format than was asked for.
  private static func optionFigures(
    _ option: String, _ tokens: Int?, isReplaced: Bool
  ) -> [OptionFigure] {
    let probe = tokens.map { "measured on \($0) probe tokens" } ?? "not measured"
    func column(
      _ key: String, _ meaning: String, _ provenance: String = "exact", brief: Bool = false
    ) -> Column {
      Self.column(key, meaning, option: option, provenance, brief: brief)
    }
    let text = "measured on calibration text"
    return [
      (
        column("treatment", "what the site gets", brief: isReplaced),
        { entry, _ in .text(entry.treatment.name) }
      ),
      (column("bytes", "then"), { entry, _ in .count(entry.byteCount) }),
      (
        column("saved_bytes", "bytes it saves"),
        { entry, site in .count(site.byteCount - entry.byteCount) }
      ),
      (
        column("noise_share", "noise power over weight power", brief: true),
        { entry, _ in entry.noiseShare.map { .number($0) } }
      ),
      (
        column("accumulator_bits", "no 8-bit inputs overflow it"),
        { entry, _ in entry.accumulatorBits.map { .count($0) } }
      ),
      (
        column("output_error", "half of tr(dW H dW^T), H = E[x x^T]", text),
        { entry, _ in entry.outputError.map { .number($0) } }
      ),
      (
        column("output_error_share", "tr(dW H dW^T) over tr(W H W^T)", text, brief: true),
        { entry, _ in entry.outputErrorShare.map { .number($0) } }
      ),
      (
        column(
          "kl_mean", "KL from the reference with only this site treated, nats", probe, brief: true),
        { entry, _ in entry.klMean.map { .number($0.value) } }
      ),
      (
        column("kl_lower", "lower end of its 90 % interval over sequences", probe),
        { entry, _ in entry.klMean?.interval.map { .number($0.lower) } }
      ),
      (
        column("kl_upper", "upper end of its 90 % interval over sequences", probe),
        { entry, _ in entry.klMean?.interval.map { .number($0.upper) } }
      ),
      (
        column(
          "kl_interaction",
          "half of E[cov(dl_i, dl_j)] over all other layers j treated alike, nats", probe),
        { entry, _ in entry.interaction.map { .number($0) } }
      ),
      (
        column("kl_per_saved_byte", "kl_mean over saved_bytes, nats", probe),
        { entry, site in
          let saved = site.byteCount - entry.byteCount
          return entry.klMean.flatMap { saved > 0 ? .number($0.value / Double(saved)) : nil }
        }
      ),
    ]
  }
}
