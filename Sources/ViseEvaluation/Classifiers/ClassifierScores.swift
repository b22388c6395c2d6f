import Glibc

/// What a plan does to a classifier, image by image.
public struct ClassifierScores: Sendable {
  /// By image, the class the reference and the plan name, and KL(reference‖plan) in nats.
  public let reference: [Int]
  public let planned: [Int]
  public let divergences: [Double]
  private let labels: [Int]

  init(reference: [Int], planned: [Int], divergences: [Double], labels: [Int]) {
    self.reference = reference
    self.planned = planned
    self.divergences = divergences
    self.labels = labels
  }

  public var count: Int { labels.count }

  /// Those of this set of images, then those of another.
  public func appending(_ other: ClassifierScores) -> ClassifierScores {
    ClassifierScores(
      reference: reference + other.reference, planned: planned + other.planned,
      divergences: divergences + other.divergences, labels: labels + other.labels)
  }

  /// Those of the first `count` images.
  public func prefix(_ count: Int) -> ClassifierScores {
    ClassifierScores(
      reference: Array(reference.prefix(count)), planned: Array(planned.prefix(count)),
      divergences: Array(divergences.prefix(count)), labels: Array(labels.prefix(count)))
  }

  /// Images the reference, or the plan, names the class of.
  public var referenceHits: Int { zip(reference, labels).count { $0 == $1 } }
  public var plannedHits: Int { zip(planned, labels).count { $0 == $1 } }

  /// Images that became right, and that became wrong.
  public var gained: Int {
    labels.indices.count { planned[$0] == labels[$0] && reference[$0] != labels[$0] }
  }
  public var lost: Int {
    labels.indices.count { planned[$0] != labels[$0] && reference[$0] == labels[$0] }
  }

  /// The share of images whose class is named.
  public var top1: MeanInterval { Proportions.wilson(plannedHits, of: count) }

  /// The plan's share of right images less the reference's, on the same images.
  public var top1Difference: MeanInterval {
    Proportions.pairedDifference(gained: gained, lost: lost, of: count)
  }

  /// The share of images for which both name the same class.
  public var agreement: MeanInterval {
    Proportions.wilson(zip(reference, planned).count { $0 == $1 }, of: count)
  }

  public var divergence: MeanInterval {
    MeanInterval(sums: divergences, weights: divergences.map { _ in 1 })
  }

  /// Mean KL less that of another plan on the same images, by their differences image by image.
  public func divergence(beyond other: ClassifierScores) -> MeanInterval {
    precondition(count == other.count)
    return MeanInterval(
      sums: zip(divergences, other.divergences).map { $0 - $1 },
      weights: divergences.map { _ in 1 })
  }

  /// The share of right images less that of another plan on the same images.
  public func top1Difference(from other: ClassifierScores) -> MeanInterval {
    precondition(count == other.count)
    func isRight(_ scores: ClassifierScores, _ image: Int) -> Bool {
      scores.planned[image] == labels[image]
    }
    return Proportions.pairedDifference(
      gained: labels.indices.count { isRight(self, $0) && !isRight(other, $0) },
      lost: labels.indices.count { isRight(other, $0) && !isRight(self, $0) }, of: count)
  }
}

/// Two rows of logits compared.
struct LogitComparison {
  let referenceClass: Int
  let plannedClass: Int
  /// KL of the softmax of the first from that of the second, in nats.
  let divergence: Double

  init(reference: ArraySlice<Float>, planned: ArraySlice<Float>) {
    referenceClass = Self.largest(reference)
    plannedClass = Self.largest(planned)
    let (a, b) = (Self.logProbabilities(reference), Self.logProbabilities(planned))
    divergence = max(0, zip(a, b).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) })
  }

  private static func largest(_ row: ArraySlice<Float>) -> Int {
    var best = row.startIndex
    for index in row.indices where row[index] > row[best] { best = index }
    return best - row.startIndex
  }

  private static func logProbabilities(_ row: ArraySlice<Float>) -> [Double] {
    let top = Double(row.max() ?? 0)
    let sum = row.reduce(0) { $0 + exp(Double($1) - top) }
    return row.map { Double($0) - top - log(sum) }
  }
}
