public import ViseTensor

/// The second moment of a site's inputs, made ready for solvers: H and the factor of its inverse.
///
/// H = E[x xᵀ] + damping · mean(diagonal) · I, so that directions no input took still cost
/// something; inputs that are always zero are left to the damping alone.
public final class InputFactor: Sendable {
  /// columns × columns, symmetric, damped.
  public let moment: Matrix
  /// Upper U with H⁻¹ = Uᵀ·U.
  public let inverseFactor: Matrix
  /// 1 / U[j, j]²: what an error in column j costs once the later columns have made up for it.
  public let importance: [Float]

  /// GPTQ's share of the mean diagonal (arXiv:2210.17323, section 3.3).
  public static let defaultDamping: Float = 0.01

  /// - Throws: `CompressionError.numericalFailure` for moments that are no numbers.
  public init(
    secondMoment: Matrix, damping: Float = InputFactor.defaultDamping
  ) throws(CompressionError) {
    let size = secondMoment.columns
    do throws(LinearAlgebraError) {
      let factor = try LinearAlgebra.upperCholeskyOfInverse(secondMoment, damping: damping)
      inverseFactor = factor.factor
      moment = secondMoment.copy()
      let mean = Float(
        (0..<size).reduce(0.0) { $0 + Double(secondMoment.pointer[$1 * size + $1]) } / Double(size))
      for index in 0..<size {
        moment.pointer[index * size + index] += factor.damping * (mean > 0 ? mean : 1)
      }
    } catch {
      throw .numericalFailure("the second moment of the inputs has no factor: \(error)")
    }
    importance = Self.importance(inverseFactor)
  }

  /// Takes what is known to belong together.
  init(moment: Matrix, inverseFactor: Matrix) {
    self.moment = moment
    self.inverseFactor = inverseFactor
    importance = Self.importance(inverseFactor)
  }

  private static func importance(_ factor: Matrix) -> [Float] {
    LinearAlgebra.diagonal(of: factor).map { 1 / ($0 * $0) }
  }

  public var size: Int { moment.columns }

  /// Σ over rows of eᵀHe, e = decoded − weight: the error of the site's outputs a token.
  public func outputError(of decoded: Matrix, from weight: Matrix) -> Double {
    let rows = weight.rows
    let difference = weight.copy()
    let product = Matrix(rows: rows, columns: size)
    return withExtendedLifetime((difference, product, decoded, moment)) {
      for index in 0..<difference.count { difference.pointer[index] -= decoded.pointer[index] }
      BLAS.multiply(
        m: rows, n: size, k: size, a: difference.pointer, strideA: size, b: moment.pointer,
        strideB: size, c: product.pointer, strideC: size)
      return (0..<rows).reduce(0.0) { total, row in
        total + Kernels.dot(difference.row(row), product.row(row), count: size)
      }
    }
  }
}
