import ViseTensor

/// Brings a weight to a structure and stores its parts in one number format.
///
/// Blocks are fitted to the outputs and filled under the statistics of their own inputs; the parts
/// of other structures have no inputs of their own and are filled for the least error of themselves.
struct SiteStructuring {
  let structure: Structure
  let codec: any WeightCodec
  let method: Method
  let statistics: SiteCalibration?
  let work: RowWork

  /// The stored parts of the structure's form.
  ///
  /// - Parameter shape: that of `weight`.
  func compress(_ weight: Matrix, of shape: WeightShape) throws -> [EncodedWeight] {
    do {
      if case .tensor(let decomposition) = structure {
        guard let network = decomposition.network(for: shape) else {
          throw CompressionError.unsuitable("there is no \(decomposition.name) of such a weight")
        }
        return try TensorSiteEncoding(
          network: network, codec: codec, method: method, statistics: statistics, work: work
        ).compress(weight)
      }
      return try parts(of: weight).map { part, statistics in
        try FormatSolver(
          codec: codec, method: method, statistics: statistics, factors: InputFactorCache(),
          work: work
        ).encode(part)
      }
    } catch let error as LinearAlgebraError {
      throw CompressionError.numericalFailure("the weight has no such structure: \(error)")
    }
  }

  private typealias Part = (values: Matrix, statistics: SiteCalibration?)

  private func parts(of weight: Matrix) throws(LinearAlgebraError) -> [Part] {
    switch structure {
    case .kronecker(let rows, let columns, let terms):
      let factors = try KroneckerProduct(outerRows: rows, outerColumns: columns)
        .factors(of: weight, termCount: terms).terms
      return [(Self.stack(factors.map(\.a)), nil), (Self.stack(factors.map(\.b)), nil)]
    case .blocks(let count):
      let blocks = try BlockDiagonal(blockCount: count)
        .factors(of: weight, secondMoment: statistics?.secondMoment).blocks
      let width = weight.columns / count
      return blocks.enumerated().map { index, block in
        (block, statistics?.channels(index * width..<(index + 1) * width))
      }
    case .shared: preconditionFailure("bases are made for all sites that share them")
    case .tensor: preconditionFailure("networks of tensors are encoded part by part")
    case .toeplitz: return [(Self.row(ToeplitzProjection().factors(of: weight)), nil)]
    case .hankel: return [(Self.row(HankelProjection().factors(of: weight)), nil)]
    case .displacement(let rank):
      let factors = try DisplacementRank(rank: rank).factors(of: weight)
      return [(factors.left, nil), (factors.right, nil)]
    }
  }

  private static func row(_ diagonals: DiagonalConstant) -> Matrix {
    Matrix(rows: 1, columns: diagonals.values.count, values: diagonals.values)
  }

  /// All rows of `parts`, one below the other.
  private static func stack(_ parts: [Matrix]) -> Matrix {
    let columns = parts.first?.columns ?? 0
    return Matrix(
      rows: parts.reduce(0) { $0 + $1.rows }, columns: columns,
      values: parts.flatMap(\.values))
  }
}

extension SiteCalibration {
  /// The statistics of some of the channels.
  func channels(_ range: Range<Int>) -> SiteCalibration {
    SiteCalibration(
      tokenCount: tokenCount, secondMoment: secondMoment.rows(range).columns(range),
      mean: Array(mean[range]), minimum: Array(minimum[range]), maximum: Array(maximum[range]))
  }
}
