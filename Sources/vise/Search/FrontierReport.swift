import ViseCompression
import ViseEstimates
import ViseModels
import ViseSearch
import ViseTrials

/// The frontier as `vise frontier` prints it.
struct FrontierReport: Encodable {
  struct Point: Encodable {
    let bytes: Int
    let klMean: Double
    let interval: [Double]?
    let tokens: Int
    /// On the device asked for: a prior.
    let decodeSeconds: Double?
    let origin: String
    /// The plan as TOML.
    let plan: String
  }

  let device: String?
  /// Names the text all these were measured on.
  let text: String?
  let points: [Point]
  /// Measured plans that some other beats.
  let beaten: [Point]

  init(trials: [Trial], model: Model, device: CostModel?, deviceName: String?) {
    self.device = deviceName
    let chosen = Trial.comparable(trials)
    text = chosen.first?.key.text
    let all = chosen.compactMap { Self.point($0, model, device) }
    let frontier = Frontier(
      all.enumerated().map { index, point in
        FrontierPoint(
          index: index, costs: [Double(point.bytes)] + (point.decodeSeconds.map { [$0] } ?? []),
          loss: point.klMean, lower: point.interval?[0], upper: point.interval?[1])
      })
    points = frontier.points.map { all[$0.index] }
    beaten = frontier.beaten.map { all[$0.index] }
  }

  private static func point(_ trial: Trial, _ model: Model, _ device: CostModel?) -> Point? {
    guard let file = try? PlanFile(text: trial.plan, sites: model.sites) else { return nil }
    return Point(
      bytes: model.sizeModel.byteCount(of: file.plan), klMean: trial.klMean.value,
      interval: trial.klMean.lower.flatMap { lower in trial.klMean.upper.map { [lower, $0] } },
      tokens: trial.tokenCount, decodeSeconds: device?.cost(file.plan), origin: trial.origin,
      plan: trial.plan)
  }

  func printTable() {
    guard !points.isEmpty else {
      print("No plan of this model was measured; vise search and vise measure do that.")
      return
    }
    print("  #       bytes   KL mean    ±        tokens")
    for (index, point) in points.enumerated() {
      let half = point.interval.map { ($0[1] - $0[0]) / 2 }
      print(
        "\(Self.padded("\(index + 1)", 3))  \(Self.padded("\(point.bytes)", 10))  "
          + "\(Self.figure(point.klMean))  \(half.map(Self.figure) ?? "–")  \(point.tokens)")
    }
    print("\(beaten.count) measured plans are beaten; --take N --out PLAN writes one.")
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private static func figure(_ value: Double) -> String {
    "\((value * 1e6).rounded() / 1e6)"
  }
}
