import Glibc
public import ViseTensor

/// Gives each site the default format whose bits water-filling wants for it.
///
/// `RateAllocation` finds real bits for a price; each site takes the default format of the nearest
/// storage per weight that its rows can hold, and the price is bisected until all sites together
/// come as near to the bits asked for as formats allow, and no nearer than from below.
public struct RateFill: Sendable {
  /// What is known of a site.
  public struct Candidate: Sendable {
    public let site: Site
    /// G²·S²: the variance of its weights, times the mean energy of its inputs where that is known.
    public let sensitivity: Double

    public init(site: Site, sensitivity: Double) {
      self.site = site
      self.sensitivity = sensitivity
    }

    /// From the weights themselves, and the second moment of their inputs.
    public init(site: Site, weight: Matrix, statistics: SiteCalibration?) {
      let count = Double(max(weight.count, 1))
      var (sum, square) = (0.0, 0.0)
      withExtendedLifetime(weight) {
        for index in 0..<weight.count {
          let value = Double(weight.pointer[index])
          sum += value
          square += value * value
        }
      }
      let variance = max(square / count - (sum / count) * (sum / count), 0)
      let energy = statistics.map { statistics in
        statistics.diagonal.reduce(0.0) { $0 + Double($1) } / Double(max(statistics.columns, 1))
      }
      self.init(site: site, sensitivity: variance * (energy ?? 1))
    }
  }

  /// Mean bits of a weight over all sites, scales included.
  public let bitsPerWeight: Double

  public init(bitsPerWeight: Double) {
    precondition(bitsPerWeight > 0)
    self.bitsPerWeight = bitsPerWeight
  }

  /// A format for each candidate, in their order; the smallest where even those exceed the bits.
  public func formats(for candidates: [Candidate]) -> [NumberFormat] {
    let options = candidates.map { Self.options(for: $0.site) }
    let groups = candidates.map {
      RateAllocation.Group(
        weightCount: $0.site.parameterCount, sensitivity: max($0.sensitivity, 1e-30))
    }
    let limit = bitsPerWeight * groups.reduce(0.0) { $0 + Double($1.weightCount) } / 8
    func chosen(_ price: Double) -> [NumberFormat] {
      let bits = RateAllocation(groups: groups, multiplier: exp2(price), mostBits: 16).bits
      return zip(options, bits).map { options, wanted in
        options.min { abs($0.bitsPerWeight - wanted) < abs($1.bitsPerWeight - wanted) }
          ?? .ggml(.f16)
      }
    }
    func byteCount(_ formats: [NumberFormat]) -> Double {
      zip(formats, candidates).reduce(0.0) { sum, pair in
        let site = pair.1.site
        return sum + Double(pair.0.byteCount(rows: site.rows, columns: site.columns) ?? 0)
      }
    }
    let exponents = groups.map { log2($0.sensitivity) }
    // At the high end nothing gets bits, at the low end all get the most.
    var high = (exponents.max() ?? 0) + 1
    var low = (exponents.min() ?? 0) - 34
    if byteCount(chosen(low)) <= limit { return chosen(low) }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if byteCount(chosen(middle)) > limit { low = middle } else { high = middle }
    }
    return chosen(high)
  }

  /// The default formats `site` can hold.
  private static func options(for site: Site) -> [NumberFormat] {
    var options: [NumberFormat] = []
    for bits in DefaultFormat.bitWidths {
      guard let asked = DefaultFormat.asked(bits: bits, for: site),
        let used = DefaultFormat.resolve(asked, for: site)?.used, !options.contains(used)
      else { continue }
      options.append(used)
    }
    return options
  }
}
