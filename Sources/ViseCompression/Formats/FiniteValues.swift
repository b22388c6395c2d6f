import ViseTensor

extension Matrix {
  /// A copy in which no number is 0 and what half floats cannot hold the nearest they can.
  func finiteCopy() -> Matrix {
    let values = copy()
    withExtendedLifetime(values) {
      for index in 0..<values.count {
        let value = values.pointer[index]
        values.pointer[index] = value.isNaN ? 0 : min(max(value, -65_504), 65_504)
      }
    }
    return values
  }
}
