public import ViseTensor

/// One threshold on |w| for all sites, with a floor under what each keeps.
///
/// Global magnitude pruning takes the smallest magnitudes wherever they are, and can empty a site
/// whose weights are small. With a minimum threshold (Gupta et al., "Is Complexity Required for
/// Neural Network Pruning? A Case Study on Global Magnitude Pruning", arXiv:2209.14624, section 3)
/// every site keeps at least so many; what that takes back is pruned from the other sites, so that
/// the whole keeps exactly its count.
public struct GlobalMagnitude: Sendable {
  /// Share of all weights that becomes zero, between 0 and 1.
  public let ratio: Double
  /// Weights each site keeps at least, or all it has where those are fewer.
  public let minimumKept: Int
  /// The share of its weights each site keeps at least.
  public let minimumShare: Double

  public init(ratio: Double, minimumKept: Int = 0, minimumShare: Double = 0) {
    precondition(ratio >= 0 && ratio <= 1 && minimumKept >= 0)
    precondition(minimumShare >= 0 && minimumShare <= 1)
    self.ratio = ratio
    self.minimumKept = minimumKept
    self.minimumShare = minimumShare
  }

  private func floor(of count: Int) -> Int {
    min(count, max(minimumKept, Int((minimumShare * Double(count)).rounded(.up))))
  }

  /// How many weights each of `sites` keeps; of equal magnitudes the first go.
  ///
  /// Where the floors alone exceed what `ratio` leaves, every site keeps its floor.
  public func keptCounts(_ sites: [Matrix]) -> [Int] {
    keptCounts(weightCounts: sites.map(\.count)) { sites[$0] }
  }

  /// As `keptCounts(_:)` for sites that are not held together: `weight` is asked for one after the
  /// other, a few times each.
  public func keptCounts<Failure>(
    weightCounts: [Int], weight: (Int) throws(Failure) -> Matrix
  ) throws(Failure) -> [Int] {
    let total = weightCounts.reduce(0, +)
    var budget = total - Int((ratio * Double(total)).rounded())
    var counts = weightCounts.map(floor)
    var free = Array(weightCounts.indices)
    while !free.isEmpty {
      let available = free.reduce(0) { $0 + weightCounts[$1] }
      let pruned = min(max(available - budget, 0), available)
      let found = try Self.keptCounts(free, weightCounts, pruned: pruned, weight: weight)
      let short = zip(free, found).filter { $1 < counts[$0] }.map(\.0)
      if short.isEmpty {
        for (site, count) in zip(free, found) { counts[site] = count }
        break
      }
      budget -= short.reduce(0) { $0 + counts[$1] }
      free.removeAll { short.contains($0) }
    }
    return counts
  }

  /// What one threshold that removes `pruned` weights leaves of each site.
  private static func keptCounts<Failure>(
    _ sites: [Int], _ weightCounts: [Int], pruned: Int, weight: (Int) throws(Failure) -> Matrix
  ) throws(Failure) -> [Int] {
    guard pruned > 0 else { return sites.map { weightCounts[$0] } }
    var (limit, equal) = try threshold(sites, pruned: pruned, weight: weight)
    var counts: [Int] = []
    for index in sites {
      let site = try weight(index)
      let kept = withExtendedLifetime(site) {
        var kept = 0
        for index in 0..<site.count {
          let bits = abs(site.pointer[index]).bitPattern
          if bits > limit || (bits == limit && equal == 0) {
            kept += 1
          } else if bits == limit {
            equal -= 1
          }
        }
        return kept
      }
      counts.append(kept)
    }
    return counts
  }

  /// The largest magnitude that goes, as a bit pattern, and how many equal to it do.
  private static func threshold<Failure>(
    _ sites: [Int], pruned: Int, weight: (Int) throws(Failure) -> Matrix
  ) throws(Failure) -> (limit: UInt32, equal: Int) {
    var prefix: UInt32 = 0
    var left = pruned
    for (shift, width) in [(21, 11), (10, 11), (0, 10)] as [(UInt32, UInt32)] {
      var histogram = [Int](repeating: 0, count: 2048)
      let (digits, above) = (UInt32(1) << width - 1, shift + width)
      for index in sites {
        let site = try weight(index)
        withExtendedLifetime(site) {
          for index in 0..<site.count {
            let bits = abs(site.pointer[index]).bitPattern
            if above == 32 || bits >> above == prefix >> above {
              histogram[Int(bits >> shift & digits)] += 1
            }
          }
        }
      }
      var digit = 0
      while left > histogram[digit] {
        left -= histogram[digit]
        digit += 1
      }
      prefix |= UInt32(digit) << shift
    }
    return (prefix, left)
  }
}
