import ViseTensor

/// How much a calibration text and an evaluation text have in common, in runs of 32 tokens.
public struct CalibrationOverlap: Hashable, Sendable {
  /// The share of the evaluation text's runs that the calibration text holds.
  public let share: Double
  /// The share of the calibration text's runs that the evaluation text holds.
  public let calibrationShare: Double
  /// Runs of the evaluation text that were compared; a sample where the calibration text is long.
  public let checkedCount: Int

  /// One text holds every run compared of the other: they are the same, or one is a part.
  public var isWhole: Bool { checkedCount > 0 && max(share, calibrationShare) == 1 }
  public var isNone: Bool { share == 0 }
}

/// Hashes of a text's runs of 32 tokens, at most 65,536 of them, to find the text again by.
///
/// The smallest hashes are kept, so that two texts sample the same runs (Broder, "On the
/// resemblance and containment of documents", 1997).
public struct TextGrams: Hashable, Sendable {
  /// Tokens of a run: long enough that texts share one by copying rather than by chance.
  public static let length = 32
  static let mostHashes = 65_536

  /// Ascending, without repetition.
  let hashes: [UInt64]

  public init(tokens: some Collection<Int32>) {
    let all = Set(Self.hashes(of: tokens)).sorted()
    hashes = Array(all.prefix(Self.mostHashes))
  }

  /// - Parameter hashes: as another instance had them, in any order.
  init(hashes: [UInt64]) {
    self.hashes = Set(hashes).sorted()
  }

  /// Compares `evaluation`'s runs with this calibration text's.
  public func overlap(with evaluation: some Collection<Int32>) -> CalibrationOverlap {
    let limit = hashes.count < Self.mostHashes ? UInt64.max : hashes.last ?? .max
    var unseen = Set(hashes)
    let known = unseen
    var checked = 0
    var found = 0
    for hash in Self.hashes(of: evaluation) where hash <= limit {
      checked += 1
      if known.contains(hash) {
        found += 1
        unseen.remove(hash)
      }
    }
    func share(_ part: Int, of whole: Int) -> Double {
      whole == 0 ? 0 : Double(part) / Double(whole)
    }
    return CalibrationOverlap(
      share: share(found, of: checked),
      calibrationShare: share(known.count - unseen.count, of: known.count), checkedCount: checked)
  }

  /// The hash of each run: a polynomial in the tokens, rolled along and mixed at the end.
  private static func hashes(of tokens: some Collection<Int32>) -> [UInt64] {
    let base: UInt64 = 0x5851_F42D_4C95_7F2D
    let leading = (1..<length).reduce(UInt64(1)) { power, _ in power &* base }
    let values = tokens.map { mixed(UInt64(UInt32(bitPattern: $0)) &+ 1) }
    guard values.count >= length else { return [] }
    var result: [UInt64] = []
    result.reserveCapacity(values.count - length + 1)
    var hash = values[..<length].reduce(UInt64(0)) { $0 &* base &+ $1 }
    result.append(mixed(hash))
    for index in length..<values.count {
      hash = (hash &- values[index - length] &* leading) &* base &+ values[index]
      result.append(mixed(hash))
    }
    return result
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var source = RandomSource(seed: value)
    return source.next()
  }
}
