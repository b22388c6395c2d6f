public import ViseEvaluation

/// Labelled images in two parts: plans are chosen on one and judged on the other.
public struct SearchImages: Sendable {
  /// All of them, those that choose first; shuffled, since files have them class by class or the easy
  /// ones before the others.
  public let images: LabelledImages
  /// Images that are measured together: a window of them.
  public let windowLength: Int
  /// Windows plans are chosen by.
  public let selectionWindows: Int

  /// Images of a window where there are enough.
  public static let standardLength = 128
  private static let fewestWindows = 8

  /// - Parameters:
  ///   - windowLength: at most so many images are a window; a multiple of what runs at once is used.
  ///   - selectionWindows: at most so many of the first windows choose.
  public init(
    _ images: LabelledImages, windowLength: Int = standardLength, selectionWindows: Int
  ) {
    self.images = images
    let batch = ClassifierEvaluator.batchLength
    let length = min(windowLength, images.count / (2 * Self.fewestWindows))
    self.windowLength = max(batch, length / batch * batch)
    let count = (images.count + self.windowLength - 1) / self.windowLength
    self.selectionWindows =
      count < Self.fewestWindows ? count : max(1, min(selectionWindows, count / 2))
  }

  /// Images plans are chosen by, the first of all.
  public var selectionCount: Int { min(windowLength * selectionWindows, images.count) }

  /// Those that have no share in the choice; `nil` where there are too few to be parted.
  public var verification: Range<Int>? {
    selectionCount < images.count ? selectionCount..<images.count : nil
  }

  /// What a search's identity has of them.
  public var identity: String {
    "\(images.evaluationIdentity) \(windowLength) \(selectionCount)"
  }
}
