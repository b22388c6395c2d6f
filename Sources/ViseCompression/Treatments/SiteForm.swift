public import ViseTensor

/// The matrices a treated weight is stored as, and how they make up the weight.
public enum SiteForm: Hashable, Sendable {
  /// The weight itself.
  case whole
  /// left · right.
  case lowRank(rank: Int)
  case structured(Structure)

  /// One of the matrices.
  public struct Part: Hashable, Sendable {
    /// Empty for the weight itself.
    public let name: String
    public let rows: Int
    public let columns: Int

    /// What its tensors' names have after the site's.
    var suffix: String { name.isEmpty ? "" : ".\(name)" }
  }

  /// The parts of a weight of `shape` that has this form.
  ///
  /// `left` rows × rank and `right` rank × columns; `outer` and `inner`, the factors of each Kronecker
  /// product below those of the one before; `block0`, `block1` … from the upper left to the lower
  /// right; `diagonals`, one row, from the lower left corner to the upper right (Toeplitz) or from
  /// the upper left to the lower right (Hankel); `basis` and `coefficients`, of which sites that share
  /// the basis hold the second alone; `inputs`, `core`, `axis0` … `outputs` of convolutions, `core0` …, and
  /// `frame0` …, `transfer0` …, `root` of matrices, as the tensor decompositions define them.
  ///
  /// - Precondition: weights of the shape have the form.
  public func parts(of shape: WeightShape) -> [Part] {
    let (rows, columns) = (shape.rows, shape.columns)
    switch self {
    case .whole: return [Part(name: "", rows: rows, columns: columns)]
    case .lowRank(let rank), .structured(.displacement(let rank)):
      return [
        Part(name: "left", rows: rows, columns: rank),
        Part(name: "right", rows: rank, columns: columns),
      ]
    case .structured(.kronecker(let outerRows, let outerColumns, let terms)):
      return [
        Part(name: "outer", rows: terms * outerRows, columns: outerColumns),
        Part(name: "inner", rows: terms * (rows / outerRows), columns: columns / outerColumns),
      ]
    case .structured(.blocks(let count)):
      return (0..<count).map {
        Part(name: "block\($0)", rows: rows / count, columns: columns / count)
      }
    case .structured(.shared(_, let rank)):
      return [
        Part(name: Self.basisName, rows: rank, columns: columns),
        Part(name: "coefficients", rows: rows, columns: rank),
      ]
    case .structured(.tensor(let decomposition)):
      return decomposition.network(for: shape)?.parts ?? []
    case .structured(.toeplitz), .structured(.hankel):
      return [Part(name: "diagonals", rows: 1, columns: rows + columns - 1)]
    }
  }

  /// The part that sites may share.
  static let basisName = "basis"

  /// Numbers all parts hold.
  public func parameterCount(of shape: WeightShape) -> Int {
    parts(of: shape).reduce(0) { $0 + $1.rows * $1.columns }
  }

  /// The weight of `shape` that `parts` make up; BLAS must be loaded.
  public func product(
    _ parts: [Matrix], of shape: WeightShape, work: RowWork
  ) throws -> Matrix {
    let (rows, columns) = (shape.rows, shape.columns)
    switch self {
    case .whole: return parts[0]
    case .lowRank: return try LowRankFactors(left: parts[0], right: parts[1]).product(work: work)
    case .structured(.kronecker(let outerRows, _, let terms)):
      let innerRows = rows / outerRows
      return KroneckerFactors(
        terms: (0..<terms).map { term in
          (
            a: parts[0].rows(term * outerRows..<(term + 1) * outerRows),
            b: parts[1].rows(term * innerRows..<(term + 1) * innerRows)
          )
        }
      ).product()
    case .structured(.blocks): return BlockDiagonalFactors(blocks: parts).product()
    case .structured(.toeplitz), .structured(.hankel):
      return DiagonalConstant(
        rows: rows, columns: columns, values: parts[0].values,
        isHankel: self == .structured(.hankel)
      ).product()
    case .structured(.shared):
      return try LowRankFactors(left: parts[1], right: parts[0]).product(work: work)
    case .structured(.tensor(let decomposition)):
      guard let network = decomposition.network(for: shape) else {
        throw CompressionError.unsuitable("there is no \(decomposition.name) of such a weight")
      }
      return network.product(parts)
    case .structured(.displacement):
      return DisplacementFactors(left: parts[0], right: parts[1]).product()
    }
  }
}

extension Treatment {
  /// The form the weight is stored in.
  public var form: SiteForm {
    if let structure { return .structured(structure) }
    return lowRank.map { .lowRank(rank: $0.rank) } ?? .whole
  }
}
