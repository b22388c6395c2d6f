public import ViseTensor

/// One basis for the inputs of several layers, each with coefficients of its own: W_i ≈ C_i·B.
///
/// Wang et al., "Basis Sharing: Cross-Layer Parameter Sharing for Large Language Model Compression"
/// (arXiv:2410.03765, section 3): the weights of all layers are put together, whitened by the factor
/// of their inputs' second moment, and cut to a rank by one SVD. Here the moment is the mean of the
/// layers' own; the rows of B are the right singular vectors, from Lᵀ·(Σ WᵢᵀWᵢ)·L with L·Lᵀ = H̄, taken back by
/// L⁻¹. Every layer's coefficients are then least squares of its own outputs under B as stored,
/// C_i = W_i·H_i·Bᵀ·(B·H_i·Bᵀ)⁻¹.
public struct SharedBasis: Sendable {
  /// Rows of the basis.
  public let rank: Int
  private let codec: any WeightCodec
  private let method: Method
  private let work: RowWork

  /// Of the least squares' normal equations, as a share of their mean diagonal.
  private static let damping: Float = 1e-6

  public init(rank: Int, format: NumberFormat, method: Method, work: RowWork) {
    precondition(rank > 0)
    self.rank = rank
    codec = format.codec
    self.method = method
    self.work = work
  }

  /// A layer that shares the basis; without statistics its inputs count as white.
  public struct Layer {
    let weight: () throws -> Matrix
    let statistics: () throws -> SiteCalibration?

    public init(
      weight: @escaping () throws -> Matrix, statistics: @escaping () throws -> SiteCalibration?
    ) {
      self.weight = weight
      self.statistics = statistics
    }
  }

  /// The stored basis of `layers`, whose weights are read one at a time; BLAS must be loaded.
  public func basis(of layers: [Layer]) throws -> EncodedWeight {
    let columns = try layers.first?.weight().columns ?? 0
    let gram = Matrix.zeros(rows: columns, columns: columns)
    for layer in layers {
      let weight = try layer.weight()
      guard weight.columns == columns else {
        throw CompressionError.unsuitable(
          "a basis of rows of \(columns) is not shared by rows of \(weight.columns)")
      }
      let transposed = weight.transposed()
      let own = LinearAlgebra.productTransposed(transposed, transposed)
      withExtendedLifetime((own, gram)) {
        Kernels.add(own.pointer, count: gram.count, to: gram.pointer)
      }
    }
    LinearAlgebra.symmetrize(gram)
    let mean = try SiteCalibration.mean(of: layers.map { try $0.statistics() })
    do {
      return try FormatSolver(
        codec: codec, method: method, statistics: mean, factors: InputFactorCache(), work: work
      ).encode(try directions(gram, mean?.secondMoment))
    } catch let error as LinearAlgebraError {
      throw CompressionError.numericalFailure("the weights have no common basis: \(error)")
    }
  }

  private func directions(
    _ gram: Matrix, _ moment: Matrix?
  ) throws(LinearAlgebraError) -> Matrix {
    let size = gram.rows
    guard let moment else {
      return try LinearAlgebra.symmetricEigen(gram).vectors.rows(size - rank..<size)
    }
    let root = try LinearAlgebra.dampedCholesky(moment, damping: Self.damping).factor
    let whitened = LinearAlgebra.product(LinearAlgebra.product(root.transposed(), gram), root)
    LinearAlgebra.symmetrize(whitened)
    // Eigenvalues ascend: the last rows are the largest directions.
    let largest = try LinearAlgebra.symmetricEigen(whitened).vectors.rows(size - rank..<size)
    return try LinearAlgebra.solveTriangular(root, .lower, on: .right, largest)
  }

  /// The stored coefficients of a layer.
  public func coefficients(
    of layer: Layer, basis: EncodedWeight
  ) throws -> EncodedWeight {
    do {
      let inner = try InnerStatistics(
        of: try codec.decode(basis, work: work), try layer.statistics())
      return try FormatSolver(
        codec: codec, method: method, statistics: inner.calibration, factors: InputFactorCache(),
        work: work
      ).encode(try inner.leastSquares(try layer.weight(), damping: Self.damping))
    } catch let error as LinearAlgebraError {
      throw CompressionError.numericalFailure("the basis has no coefficients: \(error)")
    }
  }
}

extension SiteCalibration {
  /// Statistics over the inputs of all layers; `nil` where one has none.
  static func mean(of layers: [SiteCalibration?]) -> SiteCalibration? {
    let known = layers.compactMap { $0 }
    guard known.count == layers.count, let first = known.first else { return nil }
    let share = 1 / Float(known.count)
    let moment = Matrix.zeros(rows: first.columns, columns: first.columns)
    for layer in known {
      withExtendedLifetime((layer.secondMoment, moment)) {
        Kernels.add(layer.secondMoment.pointer, count: moment.count, to: moment.pointer)
      }
    }
    Kernels.scale(moment.pointer, count: moment.count, by: share)
    return SiteCalibration(
      tokenCount: first.tokenCount, secondMoment: moment,
      mean: first.mean.indices.map { index in known.reduce(0) { $0 + $1.mean[index] } * share },
      minimum: first.minimum.indices.map { i in known.map { $0.minimum[i] }.min() ?? 0 },
      maximum: first.maximum.indices.map { i in known.map { $0.maximum[i] }.max() ?? 0 })
  }
}
