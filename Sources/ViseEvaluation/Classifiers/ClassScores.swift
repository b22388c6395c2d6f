/// What a plan does to the images of one class.
public struct ClassScores: Hashable, Sendable {
  /// The class, as labels number it.
  public let label: Int
  public let images: Int
  /// Images of the class that the reference, and the plan, name right.
  public let referenceHits, plannedHits: Int
  /// Images that became right, and that became wrong.
  public let gained, lost: Int

  /// The share of the class that is named right.
  public var referenceTop1: Double { Double(referenceHits) / Double(images) }
  public var top1: Double { Double(plannedHits) / Double(images) }

  /// The plan's share less the reference's on the same images; the interval is of this class alone,
  /// so that of many classes some lie outside theirs.
  public var difference: MeanInterval {
    Proportions.pairedDifference(gained: gained, lost: lost, of: images)
  }
}

extension ClassifierScores {
  /// Class by class in the order of their numbers; classes without images are left out.
  public var classes: [ClassScores] {
    Dictionary(grouping: labels.indices) { labels[$0] }.map { label, images in
      let isRight = images.map { (reference[$0] == label, planned[$0] == label) }
      return ClassScores(
        label: label, images: images.count, referenceHits: isRight.count { $0.0 },
        plannedHits: isRight.count { $0.1 }, gained: isRight.count { !$0.0 && $0.1 },
        lost: isRight.count { $0.0 && !$0.1 })
    }.sorted { $0.label < $1.label }
  }
}
