import Glibc
public import ViseTensor

/// Scales each input channel before a weight is stored, so that channels with large inputs round
/// finely; the input, or the operation before, takes the inverse.
///
/// AWQ (Lin et al., "Activation-aware Weight Quantization", 2023, eq. 4–5): s = mean|x|^α, α from a
/// grid over 0…1 by the error of the outputs ‖Q(W·diag(s))·diag(s)⁻¹·X − W·X‖², summed over the
/// weights that read the same input. Q rounds to nearest.
public struct ActivationScaling: Sendable {
  public let codec: any WeightCodec
  /// E[x xᵀ] of the input.
  private let secondMoment: Matrix
  /// Mean or root-mean-square magnitude of each input channel.
  private let magnitudes: [Float]
  /// How many α are tried between 0 and 1.
  public let steps: Int

  public init(
    codec: any WeightCodec, secondMoment: Matrix, magnitudes: [Float], steps: Int = 20
  ) {
    precondition(secondMoment.columns == magnitudes.count && steps > 0)
    self.codec = codec
    self.secondMoment = secondMoment
    self.magnitudes = magnitudes
    self.steps = steps
  }

  /// What the search found.
  public struct Result: Sendable {
    public let alpha: Double
    /// By input channel; all 1 for α = 0.
    public let scales: [Float]
    /// Each W·diag(scales) as stored: for inputs, or a previous operation, divided by `scales`.
    public let encoded: [EncodedWeight]
    /// Σ eᵀHe over the rows of all weights.
    public let outputError: Double
    /// The same without scaling.
    public let plainError: Double
  }

  /// The best scales for weights that read one input, and the weights stored under them.
  public func search(_ weights: [Matrix], work: RowWork) throws -> Result {
    precondition(weights.allSatisfy { $0.columns == magnitudes.count })
    try BLAS.load()
    var best = try attempt(weights, alpha: 0, plainError: nil, work: work)
    for step in 1...steps {
      let alpha = Double(step) / Double(steps)
      let next = try attempt(weights, alpha: alpha, plainError: best.plainError, work: work)
      if next.outputError < best.outputError { best = next }
    }
    return best
  }

  private func attempt(
    _ weights: [Matrix], alpha: Double, plainError: Double?, work: RowWork
  ) throws -> Result {
    let scales = Self.scales(magnitudes: magnitudes, alpha: alpha)
    var encoded: [EncodedWeight] = []
    var error = 0.0
    for weight in weights {
      let stored = try codec.encode(
        LinearAlgebra.scaleColumns(of: weight, by: scales), importance: nil, work: work)
      let values = Self.unscaled(try codec.decode(stored, work: work), by: scales)
      error += QuadraticError.outputError(of: values, from: weight, secondMoment: secondMoment)
      encoded.append(stored)
    }
    return Result(
      alpha: alpha, scales: scales, encoded: encoded, outputError: error,
      plainError: plainError ?? error)
  }

  /// magnitudes^α, divided by √(largest · smallest) so that they lie about 1; silent channels get 1.
  public static func scales(magnitudes: [Float], alpha: Double) -> [Float] {
    guard alpha > 0 else { return [Float](repeating: 1, count: magnitudes.count) }
    let powers = magnitudes.map { $0 > 0 ? max(pow(Double($0), alpha), 1e-4) : 0 }
    let heard = powers.filter { $0 > 0 }
    guard let largest = heard.max(), let smallest = heard.min() else {
      return [Float](repeating: 1, count: magnitudes.count)
    }
    let middle = (largest * smallest).squareRoot()
    return powers.map { $0 > 0 ? Float($0 / middle) : 1 }
  }

  /// `values` with each column divided by its scale: what the site does where nothing before it
  /// could take the inverse.
  public static func unscaled(_ values: Matrix, by scales: [Float]) -> Matrix {
    LinearAlgebra.scaleColumns(of: values, by: scales.map { 1 / $0 })
  }
}
