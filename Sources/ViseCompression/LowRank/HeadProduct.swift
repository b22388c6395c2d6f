public import ViseTensor

/// The product of a head's value and output projections at a smaller rank.
///
/// COMCAT (Xiao et al., "COMCAT: Towards Efficient Compression and Customization of Attention-Based
/// Vision Models", 2023, section 3): attention only ever uses W_V·W_O of a head, which is cut to
/// rank r by its SVD and leaves value heads of r channels. Query heads that share values share the
/// cut. Here in the outputs: with M = E[z zᵀ] of the attended values z = L·u, A = Q_rᵀ·L⁻¹ takes them to
/// the r largest directions Q_r of Lᵀ·(Σ W_OᵀW_O)·L, and each head's columns follow by least
/// squares, W_O·M·Aᵀ·(A·M·Aᵀ)⁻¹. Where M = W_V·W_Vᵀ, of white inputs, this is the SVD of the product.
public struct HeadProduct: Sendable {
  /// A query head: its columns of the output projection, and E[z zᵀ] of what it reads.
  public struct Head: Sendable {
    let columns: Matrix
    let moment: Matrix

    public init(columns: Matrix, moment: Matrix) {
      precondition(moment.rows == columns.columns && moment.columns == columns.columns)
      self.columns = columns
      self.moment = moment
    }
  }

  /// A, rank × length: takes the head's values to fewer.
  public let values: Matrix
  /// Of each query head, length × rank: what its columns are multiplied by.
  public let outputs: [Matrix]
  /// The share of the outputs' energy that remains.
  public let energy: Double

  private static let damping: Float = 1e-5

  /// - Parameter heads: those that share one head of values.
  public init(_ heads: [Head], rank: Int) throws(LinearAlgebraError) {
    let length = heads.first?.columns.columns ?? 0
    precondition(rank > 0 && rank <= length)
    let mean = Matrix.zeros(rows: length, columns: length)
    let gram = Matrix.zeros(rows: length, columns: length)
    for head in heads {
      let columns = head.columns.transposed()
      let own = LinearAlgebra.productTransposed(columns, columns)
      withExtendedLifetime((head.moment, own, mean, gram)) {
        Kernels.add(head.moment.pointer, count: mean.count, to: mean.pointer)
        Kernels.add(own.pointer, count: gram.count, to: gram.pointer)
      }
    }
    let root = try LinearAlgebra.dampedCholesky(mean, damping: Self.damping).factor
    let inverse = try LinearAlgebra.invertTriangular(root, .lower)
    let spread = LinearAlgebra.product(
      LinearAlgebra.product(root.transposed(), gram), root)
    LinearAlgebra.symmetrize(spread)
    let eigen = try LinearAlgebra.symmetricEigen(spread)
    // Eigenvalues ascend: the last rows are the largest directions.
    let largest = eigen.vectors.rows(length - rank..<length)
    values = LinearAlgebra.product(largest, inverse)
    outputs = try Self.outputs(heads, values)
    energy = try Self.energy(heads, values, outputs)
  }

  private static func outputs(
    _ heads: [Head], _ values: Matrix
  ) throws(LinearAlgebraError) -> [Matrix] {
    var outputs: [Matrix] = []
    for head in heads {
      let crossing = LinearAlgebra.productTransposed(head.moment, values)
      let inner = LinearAlgebra.product(values, crossing)
      LinearAlgebra.symmetrize(inner)
      let root = try LinearAlgebra.dampedCholesky(inner, damping: damping).factor
      let half = try LinearAlgebra.solveTriangular(
        root, .lower, transposed: true, on: .right, crossing)
      outputs.append(try LinearAlgebra.solveTriangular(root, .lower, on: .right, half))
    }
    return outputs
  }

  /// 1 − Σ‖(W − W·B·A)·z‖² / Σ‖W·z‖² over all heads.
  private static func energy(
    _ heads: [Head], _ values: Matrix, _ outputs: [Matrix]
  ) throws(LinearAlgebraError) -> Double {
    var (lost, whole) = (0.0, 0.0)
    for (head, output) in zip(heads, outputs) {
      let rest = LinearAlgebra.product(
        LinearAlgebra.product(head.columns, output), values)
      let nothing = Matrix.zeros(rows: rest.rows, columns: rest.columns)
      lost += QuadraticError.outputError(
        of: rest, from: head.columns, secondMoment: head.moment)
      whole += QuadraticError.outputError(
        of: nothing, from: head.columns, secondMoment: head.moment)
    }
    return whole > 0 ? 1 - lost / whole : 1
  }
}
