import Glibc

/// What a plan does to a classifier, image by image.
public struct ClassifierScores: Sendable {
  /// By image, the class the reference and the plan name, and KL(reference‖plan) in nats.
  public let reference: [Int]
  public let planned: [Int]
  public let divergences: [Double]
  /// By image, the probability of the class the reference and the plan name.
  let referenceConfidences, plannedConfidences: [Double]
  let labels: [Int]

  init(_ rows: [LogitComparison], labels: [Int]) {
    reference = rows.map(\.referenceClass)
    planned = rows.map(\.plannedClass)
    divergences = rows.map(\.divergence)
    referenceConfidences = rows.map(\.referenceConfidence)
    plannedConfidences = rows.map(\.plannedConfidence)
    self.labels = labels
  }

  /// Those of the images `picks` of `all`, and then of all of `other`.
  private init(_ all: ClassifierScores, _ picks: Range<Int>, then other: ClassifierScores?) {
    func joined<Value>(_ path: KeyPath<ClassifierScores, [Value]>) -> [Value] {
      Array(all[keyPath: path][picks]) + (other.map { $0[keyPath: path] } ?? [])
    }
    reference = joined(\.reference)
    planned = joined(\.planned)
    divergences = joined(\.divergences)
    referenceConfidences = joined(\.referenceConfidences)
    plannedConfidences = joined(\.plannedConfidences)
    labels = joined(\.labels)
  }

  public var count: Int { labels.count }

  /// Those of this set of images, then those of another.
  public func appending(_ other: ClassifierScores) -> ClassifierScores {
    ClassifierScores(self, 0..<count, then: other)
  }

  /// Those of the first `count` images.
  public func prefix(_ count: Int) -> ClassifierScores {
    ClassifierScores(self, 0..<min(count, self.count), then: nil)
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

  /// How far the reference's and the plan's confidences are from their accuracies.
  public var referenceCalibrationError: ExpectedCalibrationError {
    ExpectedCalibrationError(
      confidences: referenceConfidences, isRight: zip(reference, labels).map { $0 == $1 })
  }
  public var calibrationError: ExpectedCalibrationError {
    ExpectedCalibrationError(
      confidences: plannedConfidences, isRight: zip(planned, labels).map { $0 == $1 })
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
  /// The probability of the class each names.
  let referenceConfidence: Double
  let plannedConfidence: Double

  /// - Parameter areProbabilities: whether the graph ends with a softmax: confidences are then what
  ///   the rows say themselves.
  init(
    reference: ArraySlice<Float>, planned: ArraySlice<Float>, areProbabilities: Bool = false
  ) {
    referenceClass = Self.largest(reference)
    plannedClass = Self.largest(planned)
    let (a, b) = (Self.logProbabilities(reference), Self.logProbabilities(planned))
    divergence = max(0, zip(a, b).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) })
    referenceConfidence =
      areProbabilities
      ? Double(reference[reference.startIndex + referenceClass]) : exp(a[referenceClass])
    plannedConfidence =
      areProbabilities ? Double(planned[planned.startIndex + plannedClass]) : exp(b[plannedClass])
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
