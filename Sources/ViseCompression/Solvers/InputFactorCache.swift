import Synchronization
import ViseTensor

/// The last factors made, so that sites which share an input factor its second moment once.
public final class InputFactorCache: Sendable {
  private struct Entry {
    /// Held, so that no other buffer can take its address.
    let moment: Matrix
    let factor: InputFactor
  }

  /// Query, key and value share one input, gate and up another.
  private static let capacity = 2
  private let entries = Mutex<[Entry]>([])

  public init() {}

  /// The factor of the site's second moment, made at most once while it is remembered.
  func factor(of statistics: SiteCalibration) throws(CompressionError) -> InputFactor {
    let buffer = statistics.secondMoment.buffer
    let known = entries.withLock { entries in
      entries.first { $0.moment.buffer === buffer }?.factor
    }
    if let known { return known }
    let made = try InputFactor(secondMoment: statistics.secondMoment)
    entries.withLock { entries in
      entries.insert(Entry(moment: statistics.secondMoment, factor: made), at: 0)
      if entries.count > Self.capacity { entries.removeLast() }
    }
    return made
  }
}
