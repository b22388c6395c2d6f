public import ViseTensor

/// One change of a weight, or of a vector such as a bias, which is one row.
public enum WeightStep: Sendable {
  /// Column j is multiplied by factor j.
  case columns([Float])
  /// Row i is multiplied by factor i.
  case rows([Float])
  /// Every row x becomes Q·x.
  case rotateRows(Rotation)
  /// Every column x becomes Q·x.
  case rotateColumns(Rotation)
  /// Every value becomes this one.
  case fill(Float)
  /// The runs of a row's columns, each as long as its matrix has rows, are multiplied by it.
  case mixColumns([Matrix])
  /// The same to the runs of a column's rows.
  case mixRows([Matrix])
  /// Most of what fine-tuning changed goes.
  case dropDeltas(DeltaRewrite.Step)

  /// Changes `weight`, in place where that is possible.
  ///
  /// BLAS must be loaded.
  func apply(to weight: Matrix) throws -> Matrix {
    switch self {
    case .columns(let factors):
      return LinearAlgebra.scaleColumns(of: weight, by: factors)
    case .rows(let factors):
      return LinearAlgebra.scaleRows(of: weight, by: factors)
    case .rotateRows(let rotation):
      return rotation.rotatingRows(of: weight)
    case .rotateColumns(let rotation):
      return rotation.rotatingRows(of: weight.transposed()).transposed()
    case .fill(let value):
      weight.pointer.update(repeating: value, count: weight.count)
      return weight
    case .dropDeltas(let step):
      return try step.apply(to: weight)
    case .mixColumns(let matrices):
      return Self.mixed(weight, matrices)
    case .mixRows(let matrices):
      return Self.mixed(weight.transposed(), matrices).transposed()
    }
  }

  /// What becomes of a weight's shape, or a vector's.
  func shape(from shape: [Int]) -> [Int] {
    var shape = shape
    switch self {
    case .columns, .rows, .rotateRows, .rotateColumns, .fill, .dropDeltas: break
    case .mixColumns(let matrices):
      if !shape.isEmpty { shape[shape.count - 1] = matrices.reduce(0) { $0 + $1.columns } }
    case .mixRows(let matrices):
      if !shape.isEmpty { shape[0] = matrices.reduce(0) { $0 + $1.columns } }
    }
    return shape
  }

  private static func mixed(_ weight: Matrix, _ matrices: [Matrix]) -> Matrix {
    precondition(weight.columns == matrices.reduce(0) { $0 + $1.rows })
    let result = Matrix(
      rows: weight.rows, columns: matrices.reduce(0) { $0 + $1.columns })
    var (from, to) = (0, 0)
    for matrix in matrices {
      let part = LinearAlgebra.product(weight.columns(from..<from + matrix.rows), matrix)
      withExtendedLifetime((part, result)) {
        for row in 0..<part.rows {
          (result.row(row) + to).update(from: part.row(row), count: part.columns)
        }
      }
      from += matrix.rows
      to += matrix.columns
    }
    return result
  }
}

/// An orthogonal matrix, on vectors of its length or on each run of that length.
public enum Rotation: Sendable {
  /// Random signs, then Hadamard.
  case hadamard(RandomizedHadamard)
  case dense(Matrix)

  public var length: Int {
    switch self {
    case .hadamard(let transform): transform.length
    case .dense(let matrix): matrix.rows
    }
  }

  /// Every run x of `length` numbers of a row replaced by Q·x; may work in place.
  func rotatingRows(of weight: Matrix) -> Matrix {
    precondition(weight.columns % length == 0)
    let runs = Matrix(
      rows: weight.count / length, columns: length, buffer: weight.buffer)
    switch self {
    case .hadamard(let transform):
      transform.apply(to: runs)
      return weight
    case .dense(let matrix):
      let rotated = LinearAlgebra.productTransposed(runs, matrix)
      return Matrix(rows: weight.rows, columns: weight.columns, buffer: rotated.buffer)
    }
  }
}
