import Glibc
public import ViseTensor

/// How far treated values are from the original ones.
public struct Distortion: Hashable, Sendable {
  /// Σx², x the original values.
  public private(set) var signalPower = 0.0
  /// Σy², y the treated values.
  public private(set) var treatedPower = 0.0
  /// Σ(x − y)².
  public private(set) var noisePower = 0.0
  /// Σxy.
  public private(set) var product = 0.0
  /// Values compared.
  public private(set) var count = 0

  /// Nothing compared yet.
  public init() {}

  /// Compares `count` values from `original` and `treated` on.
  public init(original: UnsafePointer<Float>, treated: UnsafePointer<Float>, count: Int) {
    for index in 0..<count {
      let (x, y) = (Double(original[index]), Double(treated[index]))
      let difference = x - y
      signalPower += x * x
      treatedPower += y * y
      noisePower += difference * difference
      product += x * y
    }
    self.count = count
  }

  /// Compares two matrices of one shape.
  public init(original: Matrix, treated: Matrix) {
    precondition(original.rows == treated.rows && original.columns == treated.columns)
    self = withExtendedLifetime((original, treated)) {
      Distortion(
        original: original.pointer, treated: treated.pointer, count: original.count)
    }
  }

  /// Adds what was found on other values.
  public mutating func add(_ other: Distortion) {
    signalPower += other.signalPower
    treatedPower += other.treatedPower
    noisePower += other.noisePower
    product += other.product
    count += other.count
  }

  /// Noise power over signal power; 0 for equal values, infinite where only noise is left.
  public var normalizedError: Double {
    noisePower == 0 ? 0 : noisePower / signalPower
  }

  /// Signal over noise in decibels; infinite for equal values.
  public var signalToNoiseDecibels: Double { -10 * log10(normalizedError) }

  /// The cosine of the angle between the two; 1 for equal values, 0 where one is all zero.
  public var cosine: Double {
    if noisePower == 0 { return 1 }
    let norms = (signalPower * treatedPower).squareRoot()
    return norms > 0 ? product / norms : 0
  }
}
