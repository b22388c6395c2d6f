public import ViseTensor

/// Several weights over one basis of input directions, each with coefficients of its own.
public struct SharedBasisFactors: Sendable {
  /// rank × columns, held once.
  public let basis: Matrix
  /// rows × rank of each weight.
  public let coefficients: [Matrix]

  public var rank: Int { basis.rows }
  public var parameterCount: Int { coefficients.reduce(basis.count) { $0 + $1.count } }

  /// The weight at `index`, for which BLAS must be loaded.
  public func product(_ index: Int) -> Matrix {
    LinearAlgebra.product(coefficients[index], basis)
  }
}

/// Joint low rank of weights with equally many inputs: of several layers, or of several experts.
///
/// Weights are stacked and factorized together (Basis Sharing, arXiv:2410.03765, section 3.1,
/// which stacks their transposes side by side); with a second moment the outputs' error is least
/// instead of the weights'. Layers with inputs of their own share the mean of their moments.
public struct SharedBasis: Sendable {
  public let damping: Float

  public init(damping: Float = 1e-6) {
    self.damping = damping
  }

  /// The shared basis of `rank` directions that serves all `weights` best together.
  public func factors(
    of weights: [Matrix], secondMoment: Matrix? = nil, rank: Int
  ) throws(LinearAlgebraError) -> SharedBasisFactors {
    let stack = Self.stack(weights)
    let joint: LowRankFactors
    if let secondMoment {
      joint = try ActivationWeightedSVD(damping: damping).factors(
        of: stack, secondMoment: secondMoment, rank: rank)
    } else {
      joint = try SVDFactorization().factors(of: stack, rank: rank)
    }
    var start = 0
    let coefficients = weights.map { weight in
      defer { start += weight.rows }
      return joint.left.rows(start..<start + weight.rows)
    }
    return SharedBasisFactors(basis: joint.right, coefficients: coefficients)
  }

  /// All rows of `weights`, one weight below the other.
  static func stack(_ weights: [Matrix]) -> Matrix {
    let columns = weights.first?.columns ?? 0
    precondition(!weights.isEmpty && weights.allSatisfy { $0.columns == columns })
    let result = Matrix(rows: weights.reduce(0) { $0 + $1.rows }, columns: columns)
    var start = 0
    for weight in weights {
      withExtendedLifetime(weight) {
        (result.pointer + start * columns).update(from: weight.pointer, count: weight.count)
      }
      start += weight.rows
    }
    return result
  }
}
