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

  public init(ratio: Double, minimumKept: Int) {
    precondition(ratio >= 0 && ratio <= 1 && minimumKept >= 0)
    self.ratio = ratio
    self.minimumKept = minimumKept
  }

  /// How many weights each of `sites` keeps; of equal magnitudes the first go.
  ///
  /// Where the floors alone exceed what `ratio` leaves, every site keeps its floor.
  public func keptCounts(_ sites: [Matrix]) -> [Int] {
    let total = sites.reduce(0) { $0 + $1.count }
    var budget = total - Int((ratio * Double(total)).rounded())
    var counts = sites.map { min($0.count, minimumKept) }
    var free = Array(sites.indices)
    while !free.isEmpty {
      let available = free.reduce(0) { $0 + sites[$1].count }
      let pruned = min(max(available - budget, 0), available)
      let found = Self.keptCounts(free.map { sites[$0] }, pruned: pruned)
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
  private static func keptCounts(_ sites: [Matrix], pruned: Int) -> [Int] {
    guard pruned > 0 else { return sites.map(\.count) }
    var (limit, equal) = threshold(sites, pruned: pruned)
    return sites.map { site in
      withExtendedLifetime(site) {
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
    }
  }

  /// The largest magnitude that goes, as a bit pattern, and how many equal to it do.
  private static func threshold(
    _ sites: [Matrix], pruned: Int
  ) -> (limit: UInt32, equal: Int) {
    var prefix: UInt32 = 0
    var left = pruned
    for (shift, width) in [(21, 11), (10, 11), (0, 10)] as [(UInt32, UInt32)] {
      var histogram = [Int](repeating: 0, count: 2048)
      let (digits, above) = (UInt32(1) << width - 1, shift + width)
      for site in sites {
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
