/// How far a classifier's confidence is from its accuracy.
///
/// Guo et al., "On calibration of modern neural networks" (ICML 2017, eq. 3): images are put into bins
/// of equal width by the probability of the class that is named, ((m−1)/M, m/M], and
/// ECE = Σₘ |Bₘ|/n · |accuracy(Bₘ) − mean confidence(Bₘ)|. It is an estimate from `count` images, and
/// of few it is too large: a bin's accuracy is then far from what it estimates.
public struct ExpectedCalibrationError: Hashable, Sendable {
  /// One bin that holds images.
  public struct Bin: Hashable, Sendable {
    /// Confidences lie above `lower` and do not exceed `upper`.
    public let lower, upper: Double
    public let images: Int
    /// Both shares between 0 and 1.
    public let accuracy, confidence: Double
  }

  /// As the paper has it.
  public static let binCount = 15

  /// Between 0 and 1.
  public let value: Double
  /// The images it is estimated from.
  public let count: Int
  /// Bins without images are left out.
  public let bins: [Bin]

  /// - Parameters:
  ///   - confidences: by image, the probability of the class that is named, from 0 to 1.
  ///   - isRight: by image, whether that class is the label.
  public init(confidences: [Double], isRight: [Bool], binCount: Int = Self.binCount) {
    precondition(confidences.count == isRight.count && binCount > 0)
    let width = 1 / Double(binCount)
    var sums = [(images: Int, hits: Int, confidence: Double)](
      repeating: (0, 0, 0), count: binCount)
    for (confidence, right) in zip(confidences, isRight) {
      let bin = min(max(Int((confidence * Double(binCount)).rounded(.up)) - 1, 0), binCount - 1)
      sums[bin].images += 1
      sums[bin].hits += right ? 1 : 0
      sums[bin].confidence += confidence
    }
    count = confidences.count
    bins = sums.enumerated().filter { $0.element.images > 0 }.map { index, sum in
      Bin(
        lower: Double(index) * width, upper: Double(index + 1) * width, images: sum.images,
        accuracy: Double(sum.hits) / Double(sum.images),
        confidence: sum.confidence / Double(sum.images))
    }
    let total = Double(max(count, 1))
    value = bins.reduce(0) {
      $0 + Double($1.images) / total * abs($1.accuracy - $1.confidence)
    }
  }
}
