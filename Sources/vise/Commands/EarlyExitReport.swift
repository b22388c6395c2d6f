import ViseEvaluation

/// What early exits do, as `vise whatif` reports it.
struct EarlyExitReport: Encodable {
  struct Exit: Encodable {
    let value: String
    let features: Int
    /// λ of the ridge regression, chosen by leaving images out.
    let penalty: Double
    /// Of one image that leaves here.
    let macs: Int
    /// If all left here.
    let top1: Double
    let top1Interval: [Double]?

    enum CodingKeys: String, CodingKey {
      case value, features, penalty, macs
      case top1 = "top1"
      case top1Interval = "top1_interval"
    }
  }

  struct Row: Encodable {
    let threshold: Double
    let top1, top1Difference: Double
    let top1Interval, top1DifferenceInterval: [Double]?
    let expectedMacs: Double
    /// Of images that leave at each exit, and at the end.
    let shares: [Double]

    enum CodingKeys: String, CodingKey {
      case threshold, expectedMacs, shares
      case top1 = "top1"
      case top1Difference = "top1_difference"
      case top1Interval = "top1_interval"
      case top1DifferenceInterval = "top1_difference_interval"
    }
  }

  let fitImages, judgedImages: Int
  let referenceTop1: Double
  let referenceTop1Interval: [Double]?
  /// Of one image: of the model as it is, and of an image that never leaves.
  let macs, worstMacs: Int
  let exits: [Exit]
  let rows: [Row]

  enum CodingKeys: String, CodingKey {
    case fitImages, judgedImages, macs, worstMacs, exits, rows
    case referenceTop1 = "reference_top1"
    case referenceTop1Interval = "reference_top1_interval"
  }

  init(_ result: EarlyExitResult, thresholds: [Double]) {
    (fitImages, judgedImages) = (result.fitCount, result.judgedCount)
    referenceTop1 = result.modelTop1.mean
    referenceTop1Interval = result.modelTop1.bounds
    (macs, worstMacs) = (result.modelMACs, result.worstMACs)
    exits = result.exits.map {
      Exit(
        value: $0.value, features: $0.features, penalty: $0.penalty, macs: $0.macs,
        top1: $0.top1.mean, top1Interval: $0.top1.bounds)
    }
    rows = thresholds.map { threshold in
      let row = result.row(threshold: threshold)
      return Row(
        threshold: threshold, top1: row.top1.mean, top1Difference: row.difference.mean,
        top1Interval: row.top1.bounds, top1DifferenceInterval: row.difference.bounds,
        expectedMacs: row.expectedMACs, shares: row.shares)
    }
  }

  func printTable() {
    TextTable(
      header: ["exit", "features", "MACs", "%", "top-1 %", "90 % interval"],
      rows: exits.map { exit in
        [
          ErrorText.printable(exit.value), "\(exit.features)", "\(exit.macs)",
          WhatIfText.percent(Double(exit.macs) / Double(macs)), WhatIfText.percent(exit.top1),
          WhatIfText.range(exit.top1Interval),
        ]
      }
    ).print()
    print("")
    TextTable(
      header: ["sure above", "top-1 %", "90 % interval", "difference", "MACs", "%"]
        + exits.indices.map { "exit \($0 + 1) %" } + ["end %"],
      rows: rows.map { row in
        [
          "\(row.threshold)", WhatIfText.percent(row.top1), WhatIfText.range(row.top1Interval),
          WhatIfText.points(row.top1Difference), "\(Int(row.expectedMacs.rounded()))",
          WhatIfText.percent(row.expectedMacs / Double(macs)),
        ] + row.shares.map(WhatIfText.percent)
      }
    ).print()
    print(
      "Without exits: top-1 \(WhatIfText.percent(referenceTop1)) %, \(macs) MACs. At worst, for an "
        + "image that never leaves, \(worstMacs).")
    print("Probes fitted on \(fitImages) images, judged on \(judgedImages) others.")
  }
}
