import ViseTensor

/// The change of the probe's final features when one site alone is treated, in bfloat16.
///
/// Three significant digits are enough: a shift enters predictions as one of many summands.
struct FeatureShift: Sendable {
  /// The values in bfloat16.
  let words: [UInt16]

  init(words: [UInt16]) {
    self.words = words
  }

  init(_ change: Matrix) {
    words = [UInt16](unsafeUninitializedCapacity: change.count) { buffer, count in
      for index in 0..<change.count {
        let bits = change.pointer[index].bitPattern
        buffer[index] = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
      }
      withExtendedLifetime(change) { count = change.count }
    }
  }

  var byteCount: Int { words.count * 2 }

  /// sum += factor · shift.
  func add(to sum: UnsafeMutablePointer<Float>, factor: Float) {
    words.withUnsafeBufferPointer { words in
      for index in 0..<words.count {
        sum[index] += factor * Float(bitPattern: UInt32(words[index]) << 16)
      }
    }
  }
}

extension Matrix {
  /// This matrix − `other`.
  func minus(_ other: Matrix) -> Matrix {
    precondition(other.count == count)
    let result = Matrix(rows: rows, columns: columns)
    let (a, b, difference) = (pointer, other.pointer, result.pointer)
    for index in 0..<count { difference[index] = a[index] - b[index] }
    withExtendedLifetime((self, other)) {}
    return result
  }
}
