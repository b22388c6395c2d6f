public import ViseTensor

/// A weight as a sum of Kronecker products.
public struct KroneckerFactors: Sendable {
  /// a ⊗ b for each term; all a have one shape and all b another.
  public let terms: [(a: Matrix, b: Matrix)]

  public var parameterCount: Int { terms.reduce(0) { $0 + $1.a.count + $1.b.count } }

  /// Σ a ⊗ b.
  public func product() -> Matrix {
    guard let first = terms.first else { return .zeros(rows: 0, columns: 0) }
    let result = Matrix.zeros(
      rows: first.a.rows * first.b.rows, columns: first.a.columns * first.b.columns)
    for (a, b) in terms {
      withExtendedLifetime((a, b, result)) { Self.add(a, b, to: result) }
    }
    return result
  }

  private static func add(_ a: Matrix, _ b: Matrix, to result: Matrix) {
    for outer in 0..<a.rows {
      for inner in 0..<b.rows {
        let row = result.row(outer * b.rows + inner)
        for block in 0..<a.columns {
          let factor = a.row(outer)[block]
          for column in 0..<b.columns {
            row[block * b.columns + column] += factor * b.row(inner)[column]
          }
        }
      }
    }
  }
}

/// The nearest sum of Kronecker products of given shapes.
///
/// Rearranged so that each block becomes a row, a Kronecker product becomes a product of vectors,
/// and the truncated SVD of the rearranged weight gives the nearest sum (Van Loan and Pitsianis,
/// "Approximation with Kronecker products", 1993).
public struct KroneckerProduct: Sendable {
  /// Rows and columns of the first factor; they divide those of the weight.
  public let outerRows: Int
  public let outerColumns: Int

  public init(outerRows: Int, outerColumns: Int) {
    precondition(outerRows > 0 && outerColumns > 0)
    self.outerRows = outerRows
    self.outerColumns = outerColumns
  }

  /// Whether a `rows` × `columns` weight can be cut into such blocks.
  public func fits(rows: Int, columns: Int) -> Bool {
    rows > 0 && columns > 0 && rows % outerRows == 0 && columns % outerColumns == 0
  }

  /// The nearest sum of `termCount` products, or of all there are.
  public func factors(
    of weight: Matrix, termCount: Int
  ) throws(LinearAlgebraError) -> KroneckerFactors {
    precondition(fits(rows: weight.rows, columns: weight.columns) && termCount > 0)
    let svd = try LinearAlgebra.svd(rearranged(weight), rank: termCount)
    let innerRows = weight.rows / outerRows
    let innerColumns = weight.columns / outerColumns
    let left = svd.u.transposed().values
    let right = svd.vt.values
    let terms = svd.s.indices.map { term in
      let root = svd.s[term].squareRoot()
      func part(_ values: [Float], rows: Int, columns: Int) -> Matrix {
        let range = term * rows * columns..<(term + 1) * rows * columns
        return Matrix(rows: rows, columns: columns, values: values[range].map { $0 * root })
      }
      return (
        a: part(left, rows: outerRows, columns: outerColumns),
        b: part(right, rows: innerRows, columns: innerColumns)
      )
    }
    return KroneckerFactors(terms: terms)
  }

  /// A row for each block in reading order, holding the block's values row by row.
  private func rearranged(_ weight: Matrix) -> Matrix {
    let innerRows = weight.rows / outerRows
    let innerColumns = weight.columns / outerColumns
    let result = Matrix(
      rows: outerRows * outerColumns, columns: innerRows * innerColumns)
    withExtendedLifetime(weight) {
      for row in 0..<weight.rows {
        for block in 0..<outerColumns {
          let target =
            result.row(row / innerRows * outerColumns + block) + row % innerRows * innerColumns
          target.update(from: weight.row(row) + block * innerColumns, count: innerColumns)
        }
      }
    }
    return result
  }
}
