public import ViseCompression

/// How a weight's values are spread.
public struct WeightHistogram: Hashable, Sendable {
  /// Bins cover −limit…limit evenly.
  public let limit: Double
  /// Values other than 0 in each bin; those beyond the limit are in the outermost.
  public let bins: [Int]
  public let zeroCount: Int
  /// Values beyond the limit.
  public let outsideCount: Int
  public let count: Int

  public init(limit: Double, bins: [Int], zeroCount: Int, outsideCount: Int, count: Int) {
    self.limit = limit
    self.bins = bins
    self.zeroCount = zeroCount
    self.outsideCount = outsideCount
    self.count = count
  }

  /// The share of values that are exactly 0.
  public var zeroShare: Double { count > 0 ? Double(zeroCount) / Double(count) : 0 }
}

/// A weight's singular values.
public struct WeightSpectrum: Hashable, Sendable {
  /// Descending.
  public let values: [Float]
  /// The part of the weight they are of: all of it, or evenly spaced rows and columns.
  public let rows: Int
  public let columns: Int
  public let isSampled: Bool

  public init(values: [Float], rows: Int, columns: Int, isSampled: Bool) {
    self.values = values
    self.rows = rows
    self.columns = columns
    self.isSampled = isSampled
  }

  /// The share of all squares that the first `share` of the values hold.
  public func energy(ofFirst share: Double) -> Double {
    let squares = values.map { Double($0) * Double($0) }
    let total = squares.reduce(0, +)
    let kept = Int((min(max(share, 0), 1) * Double(values.count)).rounded())
    return total > 0 ? squares.prefix(kept).reduce(0, +) / total : 0
  }
}

extension WeightSpectrum {
  /// The rank `rule` finds for the whole weight, of `full` singular values.
  ///
  /// Of a sample it is the same share of all directions.
  public func rank(_ rule: RankRule, of full: Int) -> Int {
    let found = rule.rank(of: values, rows: rows, columns: columns)
    guard isSampled, !values.isEmpty, values.count < full else { return found }
    if case .fixed = rule { return found }
    return (found * full + values.count - 1) / values.count
  }

  /// How many of `full` directions matter: the exponential of the values' entropy, rounded up.
  public func effectiveRank(of full: Int) -> Int { rank(.effectiveRank, of: full) }
}

/// What a treated site's stored codes come to.
public struct StorageFigures: Hashable, Sendable {
  /// The stored form's size with its codes entropy-coded for real; `nil` where the format has no
  /// codes apart from its other parts.
  public let coded: CodedSize?
  /// Bits of an accumulator that no 8-bit inputs overflow; `nil` where codes are no integers.
  public let accumulatorBits: Int?
  /// `nil` where the format has no vector codebooks.
  public let codebook: CodebookUtilisation?

  public init(
    coded: CodedSize?, accumulatorBits: Int?, codebook: CodebookUtilisation? = nil
  ) {
    self.coded = coded
    self.accumulatorBits = accumulatorBits
    self.codebook = codebook
  }

  /// Codes what `site` stores and adds up its integers.
  public init(_ site: CompressedSite) {
    self.init(
      coded: site.codedSize,
      accumulatorBits: site.accumulatorBits(activationBits: Self.activationBits),
      codebook: site.codebookUtilisation)
  }

  /// Bits of the inputs that accumulators are reported for.
  public static let activationBits = 8
}

/// What a treatment does to one site's values, from the values themselves.
public struct SiteInspection: Hashable, Sendable {
  public let siteIndex: Int
  public let treatment: Treatment
  public let before: WeightHistogram
  /// Of the density of the values before: 2 is a normal one, 1 Laplace's, less has heavier tails;
  /// `nil` where all are zero.
  public let shape: Double?
  /// `nil` where the treatment changes nothing.
  public let after: WeightHistogram?
  /// `nil` where the treatment changes nothing.
  public let distortion: Distortion?
  /// `nil` until it is computed, and where the treatment changes nothing.
  public var storage: StorageFigures?
  /// `nil` until it is computed.
  public var spectrum: WeightSpectrum?

  public init(
    siteIndex: Int, treatment: Treatment, before: WeightHistogram, shape: Double?,
    after: WeightHistogram?, distortion: Distortion?, storage: StorageFigures? = nil,
    spectrum: WeightSpectrum? = nil
  ) {
    self.siteIndex = siteIndex
    self.treatment = treatment
    self.before = before
    self.shape = shape
    self.after = after
    self.distortion = distortion
    self.storage = storage
    self.spectrum = spectrum
  }
}
