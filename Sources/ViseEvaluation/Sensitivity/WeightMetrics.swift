import ViseCompression
public import ViseTensor

/// What a weight's values alone say of how well it bears compression; no data is looked at.
public struct WeightMetrics: Hashable, Sendable {
  /// Values that are exactly 0, as a share.
  public let zeroShare: Double
  /// How unequal the magnitudes are (PQ index, arXiv:2302.05601).
  public let pqIndex: Double
  public let kurtosis: Double?
  public let tailExponent: Double?
  public let losslessBits: Int?

  public init(_ weight: Matrix) {
    self = withExtendedLifetime(weight) {
      WeightMetrics(UnsafeBufferPointer(start: weight.pointer, count: weight.count))
    }
  }

  init(_ values: UnsafeBufferPointer<Float>) {
    var zeros = 0
    for value in values where value == 0 { zeros += 1 }
    zeroShare = Double(zeros) / Double(max(values.count, 1))
    pqIndex = PQIndex().index(values)
    kurtosis = Kurtosis.of(values)
    tailExponent = TailExponent.ofMagnitudes(values)
    losslessBits = LosslessBits.of(values)
  }
}
