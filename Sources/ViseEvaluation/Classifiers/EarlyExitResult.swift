/// Where images may leave a classifier, and what that does at any threshold.
public struct EarlyExitResult: Sendable {
  /// What a probe says of one image.
  struct Answer: Sendable {
    let label: Int
    /// The largest number, an estimate of that class's probability, within 0 and 1.
    let confidence: Double

    init(scores: UnsafeBufferPointer<Float>) {
      var best = 0
      for index in scores.indices where scores[index] > scores[best] { best = index }
      label = best
      confidence = min(max(Double(scores[best]), 0), 1)
    }
  }

  /// One exit.
  public struct Exit: Sendable {
    /// The value the probe reads, and of how many features.
    public let value: String
    public let features: Int
    /// λ of the probe.
    public let penalty: Double
    /// MACs of one image that leaves here, with the probes of this exit and those before.
    public let macs: Int
    let answers: [Answer]
    let labels: [Int]

    /// The probe's share of right images, if all left here.
    public var top1: MeanInterval {
      Proportions.wilson(
        zip(answers, labels).count { $0.label == $1 }, of: labels.count)
    }
  }

  /// What one threshold does.
  public struct Row: Sendable {
    public let threshold: Double
    public let top1: MeanInterval
    /// Less the model's own on the same images.
    public let difference: MeanInterval
    /// MACs of one image, the mean over those judged.
    public let expectedMACs: Double
    /// The share of images that leave at each exit, and at the end.
    public let shares: [Double]
  }

  /// The cheapest first.
  public let exits: [Exit]
  /// By judged image, the class the model names.
  let model: [Int]
  let labels: [Int]
  /// MACs of one image in the model as it is.
  public let modelMACs: Int
  let probeMACs: Int
  /// Images the probes were fitted on, none of which is judged.
  public let fitCount: Int

  public var judgedCount: Int { labels.count }

  /// MACs of an image that never leaves: no input takes more.
  public var worstMACs: Int { modelMACs + probeMACs }

  /// The model's own share of right images.
  public var modelTop1: MeanInterval {
    Proportions.wilson(zip(model, labels).count { $0 == $1 }, of: labels.count)
  }

  /// Images leave where the confidence is above `threshold`: at 1 none does.
  public func row(threshold: Double) -> Row {
    var leaving = [Int](repeating: 0, count: exits.count + 1)
    var (hits, gained, lost) = (0, 0, 0)
    var macs = 0.0
    for (image, label) in labels.enumerated() {
      let place = exits.firstIndex { $0.answers[image].confidence > threshold } ?? exits.count
      leaving[place] += 1
      macs += Double(place < exits.count ? exits[place].macs : worstMACs)
      let named = place < exits.count ? exits[place].answers[image].label : model[image]
      hits += named == label ? 1 : 0
      gained += named == label && model[image] != label ? 1 : 0
      lost += named != label && model[image] == label ? 1 : 0
    }
    let count = labels.count
    return Row(
      threshold: threshold, top1: Proportions.wilson(hits, of: count),
      difference: Proportions.pairedDifference(gained: gained, lost: lost, of: count),
      expectedMACs: macs / Double(count), shares: leaving.map { Double($0) / Double(count) })
  }
}
