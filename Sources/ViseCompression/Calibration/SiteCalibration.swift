public import ViseTensor

/// Statistics of the inputs one linear site saw on calibration text.
public struct SiteCalibration: Sendable {
  /// Inputs the statistics are over.
  public let tokenCount: Int
  /// Mean of x·xᵀ: columns × columns, symmetric, full storage.
  public let secondMoment: Matrix
  /// Mean of each input channel.
  public let mean: [Float]
  /// Smallest value of each input channel.
  public let minimum: [Float]
  /// Largest value of each input channel.
  public let maximum: [Float]

  public init(
    tokenCount: Int, secondMoment: Matrix, mean: [Float], minimum: [Float], maximum: [Float]
  ) {
    let columns = secondMoment.columns
    precondition(
      secondMoment.rows == columns && mean.count == columns && minimum.count == columns
        && maximum.count == columns)
    self.tokenCount = tokenCount
    self.secondMoment = secondMoment
    self.mean = mean
    self.minimum = minimum
    self.maximum = maximum
  }

  /// Input channels: the site's columns.
  public var columns: Int { secondMoment.columns }

  /// E[x²] of each input channel.
  public var diagonal: [Float] { LinearAlgebra.diagonal(of: secondMoment) }

  /// max |x| of each input channel.
  public var largestMagnitude: [Float] {
    zip(minimum, maximum).map { max(abs($0), abs($1)) }
  }

  /// E[x²] − E[x]² of each input channel, never negative.
  public var variance: [Float] {
    zip(diagonal, mean).map { max($0 - $1 * $1, 0) }
  }
}

/// What compression asks for statistics of activations.
public protocol CalibrationSource: Sendable {
  /// A hash of the model's fingerprint, the token ids and the settings; part of cache keys.
  var identity: String { get }

  /// The statistics of `site`'s input; `nil` where it has no linear input, as a pure embedding.
  func statistics(of site: Site) throws -> SiteCalibration?

  /// From the smallest to the largest number in a value of a graph; `nil` where that is not known.
  func range(ofValue name: String) throws -> ClosedRange<Float>?
}

extension CalibrationSource {
  public func range(ofValue name: String) -> ClosedRange<Float>? { nil }
}
