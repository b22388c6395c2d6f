import ViseEstimates
import ViseEvaluation

/// What dynamic masks do, as `vise whatif` reports it.
struct DynamicMaskReport: Encodable {
  struct Row: Encodable {
    let share: Double
    let top1, top1Difference, klMean: Double
    let top1Interval, top1DifferenceInterval, klMeanInterval: [Double]?
    /// Of one image: the mean, and the most any of the images takes.
    let expectedMacs, worstMacs: Double
    /// By the value each convolution makes, the mean share of channels kept.
    let kept: [String: Double]

    enum CodingKeys: String, CodingKey {
      case share, klMean, klMeanInterval, expectedMacs, worstMacs, kept
      case top1 = "top1"
      case top1Difference = "top1_difference"
      case top1Interval = "top1_interval"
      case top1DifferenceInterval = "top1_difference_interval"
    }
  }

  let images: Int
  let macs: Int
  let referenceTop1: Double
  /// Masks are taken from the outputs they mask.
  let masks = "oracle"
  let rows: [Row]

  enum CodingKeys: String, CodingKey {
    case images, macs, masks, rows
    case referenceTop1 = "reference_top1"
  }

  init(_ results: [DynamicMaskStudy.Result], macs: Int, images: Int) {
    self.images = images
    self.macs = macs
    referenceTop1 =
      results.first.map { Double($0.scores.referenceHits) / Double(images) } ?? 0
    rows = results.map { result in
      let (top1, difference) = (result.scores.top1, result.scores.top1Difference)
      let divergence = result.scores.divergence
      return Row(
        share: result.share, top1: top1.mean, top1Difference: difference.mean,
        klMean: divergence.mean, top1Interval: top1.bounds,
        top1DifferenceInterval: difference.bounds, klMeanInterval: divergence.bounds,
        expectedMacs: result.expectedMACs, worstMacs: result.worstMACs,
        kept: Dictionary(
          result.kept.map { ($0.convolution, $0.share) }, uniquingKeysWith: { first, _ in first }))
    }
  }

  func printTable() {
    TextTable(
      header: [
        "mass", "top-1 %", "90 % interval", "difference", "KL mean", "MACs", "%", "worst %",
      ],
      rows: rows.map { row in
        [
          "\(row.share)", WhatIfText.percent(row.top1), WhatIfText.range(row.top1Interval),
          WhatIfText.points(row.top1Difference), "\((row.klMean * 1e5).rounded() / 1e5)",
          "\(Int(row.expectedMacs.rounded()))", WhatIfText.percent(row.expectedMacs / Double(macs)),
          WhatIfText.percent(row.worstMacs / Double(macs)),
        ]
      }
    ).print()
    print(
      "Unmasked: top-1 \(WhatIfText.percent(referenceTop1)) %, \(macs) MACs; \(images) images. "
        + "Masks are an oracle's, an")
    print("upper bound for predictors of them, which are not counted; nothing else was trained.")
  }
}

extension MeanInterval {
  /// The ends of the interval.
  var bounds: [Double]? { interval.map { [$0.lower, $0.upper] } }
}

/// Shares as tables have them.
enum WhatIfText {
  static func percent(_ share: Double) -> String { "\((share * 1e4).rounded() / 100)" }

  static func points(_ share: Double) -> String { (share > 0 ? "+" : "") + percent(share) }

  static func range(_ bounds: [Double]?) -> String {
    bounds.map { "\(percent($0[0])) to \(percent($0[1]))" } ?? "-"
  }
}
