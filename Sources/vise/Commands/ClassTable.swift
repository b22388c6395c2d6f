import ArgumentParser
import ViseEstimates
import ViseEvaluation

/// How the figures of a classifier are broken down on the screen.
enum MeasureGrouping: String, ExpressibleByArgument, CaseIterable { case `class` }

/// One class of a measured classifier, as commands report it.
struct ClassEntry: Encodable {
  let label, images: Int
  let top1, referenceTop1, top1Difference: Double
  let top1DifferenceInterval: [Double]?
  let gained, lost: Int

  init(_ scores: ClassScores) {
    let difference = scores.difference
    (label, images, gained, lost) = (scores.label, scores.images, scores.gained, scores.lost)
    (top1, referenceTop1) = (scores.top1, scores.referenceTop1)
    top1Difference = difference.mean
    top1DifferenceInterval = difference.interval.map { [$0.lower, $0.upper] }
  }

  enum CodingKeys: String, CodingKey {
    case label, images, gained, lost
    case top1 = "top1"
    case referenceTop1 = "reference_top1"
    case top1Difference = "top1_difference"
    case top1DifferenceInterval = "top1_difference_interval"
  }

  static func printTable(_ classes: [ClassEntry]) {
    let shares = classes.map { entry in
      let bounds = entry.top1DifferenceInterval.map {
        "\(points($0[0])) to \(points($0[1]))"
      }
      return [
        "\(entry.label)", "\(entry.images)", percent(entry.referenceTop1), percent(entry.top1),
        points(entry.top1Difference), bounds ?? "-", "\(entry.gained)", "\(entry.lost)",
      ]
    }
    TextTable(
      header: [
        "class", "images", "reference %", "top-1 %", "difference", "90 % interval", "gained",
        "lost",
      ], rows: shares
    ).print()
    print("Differences are in points; each interval is of its class alone.")
  }

  private static func percent(_ share: Double) -> String { "\((share * 1e4).rounded() / 100)" }

  private static func points(_ share: Double) -> String {
    (share > 0 ? "+" : "") + percent(share)
  }
}
