import ViseCompression
import ViseEstimates
import ViseFormats
import ViseGraphs
import ViseModels
import ViseSearch
import ViseTrials

/// The frontier of an ONNX model as `vise frontier` prints it.
struct GraphFrontierReport: Encodable {
  struct Point: Encodable {
    /// Of the exported file; a prior where `bytesExact` is false.
    let bytes: Int
    let bytesExact: Bool
    /// For one image; absent where the shape of images is not declared.
    let macs: Int?
    let klMean: Double
    let interval: [Double]?
    let top1Agreement: Double?
    let images: Int
    let origin: String
    /// The plan as TOML.
    let plan: String

    enum CodingKeys: String, CodingKey {
      case bytes, bytesExact, macs, klMean, interval, images, origin, plan
      case top1Agreement = "top1_agreement"
    }
  }

  /// Of the model as it is.
  let referenceBytes: Int
  let referenceMacs: Int?
  /// Names the images all these were measured on.
  let images: String?
  let points: [Point]
  /// Measured plans that some other beats.
  let beaten: [Point]

  /// - Parameter model: with normalizations folded, as it is measured.
  init(trials: [Trial], model: GraphModel, costs: GraphPlanCosts) throws {
    var costs = costs
    let chosen = Trial.comparable(trials)
    images = chosen.first?.key.text
    referenceBytes = model.source.byteCount
    referenceMacs = try costs.macs(of: Plan())
    let all = try chosen.compactMap { try Self.point($0, model, &costs) }
    let hasMacs = all.allSatisfy { $0.macs != nil }
    let frontier = Frontier(
      all.enumerated().map { index, point in
        FrontierPoint(
          index: index,
          costs: [Double(point.bytes)] + (hasMacs ? point.macs.map { [Double($0)] } ?? [] : []),
          loss: point.klMean, lower: point.interval?[0], upper: point.interval?[1])
      })
    points = frontier.points.map { all[$0.index] }
    beaten = frontier.beaten.map { all[$0.index] }
  }

  /// `nil` for a plan that no longer suits the model.
  private static func point(
    _ trial: Trial, _ model: GraphModel, _ costs: inout GraphPlanCosts
  ) throws -> Point? {
    guard let file = try? PlanFile(text: trial.plan, sites: model.sites.map(\.site)) else {
      return nil
    }
    let bytes: (count: Int, isExact: Bool)
    let macs: Int?
    do {
      (bytes, macs) = (try costs.bytes(of: file.plan), try costs.macs(of: file.plan))
    } catch is CompressionError {
      return nil
    }
    return Point(
      bytes: bytes.count, bytesExact: bytes.isExact, macs: macs, klMean: trial.klMean.value,
      interval: trial.klMean.lower.flatMap { lower in trial.klMean.upper.map { [lower, $0] } },
      top1Agreement: trial.agreement?.value, images: trial.tokenCount, origin: trial.origin,
      plan: trial.plan)
  }

  func printTable() {
    guard !points.isEmpty else {
      print("No plan of this model was measured; vise search and vise measure do that.")
      return
    }
    TextTable(
      header: ["#", "bytes", "MACs", "KL mean", "±", "agreement", "images"],
      rows: points.enumerated().map { index, point in
        [
          "\(index + 1)", (point.bytesExact ? "" : "≈") + "\(point.bytes)",
          point.macs.map(String.init) ?? "-", Self.figure(point.klMean),
          point.interval.map { Self.figure(($0[1] - $0[0]) / 2) } ?? "-",
          point.top1Agreement.map(Self.figure) ?? "-", "\(point.images)",
        ]
      }
    ).print()
    let macs = referenceMacs.map { ", \($0) MACs" } ?? ""
    print("Reference: \(referenceBytes) bytes\(macs).")
    if !points.allSatisfy(\.bytesExact) { print("≈: a prior, the plan needs its calibration.") }
    print("\(beaten.count) measured plans are beaten; --take N --out PLAN writes one.")
  }

  private static func figure(_ value: Double) -> String { "\((value * 1e6).rounded() / 1e6)" }
}
