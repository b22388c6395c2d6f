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

  /// Changes `weight`, in place where that is possible.
  ///
  /// BLAS must be loaded.
  func apply(to weight: Matrix) -> Matrix {
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
    }
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
