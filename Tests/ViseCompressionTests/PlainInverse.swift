import ViseTensor

/// The inverse of a small symmetric matrix by Gauss–Jordan elimination, in double.
func plainInverse(_ a: Matrix) -> [[Double]] {
  let n = a.rows
  var m = (0..<n).map { row in
    (0..<n).map { Double(a.row(row)[$0]) } + (0..<n).map { $0 == row ? 1.0 : 0 }
  }
  for pivot in 0..<n {
    let scale = m[pivot][pivot]
    m[pivot] = m[pivot].map { $0 / scale }
    for row in 0..<n where row != pivot {
      let factor = m[row][pivot]
      m[row] = zip(m[row], m[pivot]).map { $0 - factor * $1 }
    }
  }
  return m.map { Array($0[n...]) }
}
