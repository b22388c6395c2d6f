import ViseCompression
import ViseTensor

/// Inputs of a site: correlated channels, some much larger than the rest, with means of their own.
struct SolverInputs {
  let tokens: Matrix
  /// E[x xᵀ].
  let secondMoment: Matrix
  /// E[x].
  let mean: [Float]

  init(tokens count: Int, columns: Int, seed: UInt64) {
    var random = TestWeights(seed: seed)
    let noise = random.normal(count * columns, deviation: 1)
    let common = random.normal(count, deviation: 1)
    tokens = Matrix(rows: count, columns: columns)
    for row in 0..<count {
      for column in 0..<columns {
        let size: Float = column % 17 == 3 ? 12 : 0.5 + Float(column % 5) / 5
        let shift: Float = column % 4 == 0 ? 0.6 : -0.1
        tokens.row(row)[column] =
          size * (noise[row * columns + column] + 0.8 * common[row] + shift)
      }
    }
    secondMoment = Matrix.zeros(rows: columns, columns: columns)
    for row in 0..<count {
      for i in 0..<columns {
        for j in 0..<columns {
          secondMoment.row(i)[j] += tokens.row(row)[i] * tokens.row(row)[j] / Float(count)
        }
      }
    }
    mean = (0..<columns).map { [tokens] column in
      (0..<count).reduce(Float(0)) { $0 + tokens.row($1)[column] } / Float(count)
    }
  }

  var magnitudes: [Float] {
    LinearAlgebra.diagonal(of: secondMoment).map { $0.squareRoot() }
  }

  /// Outputs of `weight`, token by token: plain sums.
  func outputs(_ weight: Matrix) -> [[Double]] {
    (0..<tokens.rows).map { token in
      (0..<weight.rows).map { row in
        (0..<weight.columns).reduce(0.0) {
          $0 + Double(weight.row(row)[$1]) * Double(tokens.row(token)[$1])
        }
      }
    }
  }

  /// The mean over tokens of Σ (difference of outputs)².
  func outputError(_ a: Matrix, _ b: Matrix) -> Double {
    zip(outputs(a), outputs(b)).reduce(0.0) { sum, pair in
      sum + zip(pair.0, pair.1).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    } / Double(tokens.rows)
  }
}
