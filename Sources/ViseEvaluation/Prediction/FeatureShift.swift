import ViseTensor

/// The change of the probe's final features when one site alone is treated, in bfloat16.
///
/// Three significant digits are enough: a shift enters predictions as one of many summands.
struct FeatureShift: Sendable {
  private let words: [UInt16]

  /// `changed` − `reference`.
  init(_ changed: Matrix, minus reference: Matrix) {
    precondition(changed.count == reference.count)
    words = [UInt16](unsafeUninitializedCapacity: changed.count) { buffer, count in
      let (a, b) = (changed.pointer, reference.pointer)
      for index in 0..<changed.count {
        let bits = (a[index] - b[index]).bitPattern
        buffer[index] = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
      }
      count = changed.count
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
