import Testing
import ViseCompression
import ViseTensor

/// Seeded pseudo-random weights (SplitMix64).
struct TestWeights {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func uniform() -> Float {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return Float((z ^ z >> 31) >> 40) * 0x1p-24
  }

  /// Nearly normal numbers: sums of twelve uniform ones.
  mutating func normal(_ count: Int, deviation: Float) -> [Float] {
    (0..<count).map { _ in
      ((0..<12).reduce(Float(-6)) { sum, _ in sum + uniform() }) * deviation
    }
  }
}

/// Encodes `values` as rows of `columns` and returns the bytes.
func encoded(
  _ values: [Float], as type: StorageType, columns: Int, importance: [Float]? = nil
) throws -> [UInt8] {
  let rows = values.count / columns
  let size = try #require(type.byteCount(elements: rows * columns))
  var bytes = [UInt8](repeating: 0xA5, count: size)
  try values.withUnsafeBufferPointer { values in
    try bytes.withUnsafeMutableBytes { bytes in
      guard let importance else {
        return try type.encode(values, rows: rows, columns: columns, into: bytes)
      }
      try importance.withUnsafeBufferPointer {
        try type.encode(
          values, rows: rows, columns: columns, into: bytes, importance: $0)
      }
    }
  }
  return bytes
}

func decoded(_ bytes: [UInt8], as type: StorageType, count: Int) throws -> [Float] {
  var values = [Float](repeating: .nan, count: count)
  try bytes.withUnsafeBytes { bytes in
    try values.withUnsafeMutableBufferPointer {
      try type.decode(bytes, into: $0)
    }
  }
  return values
}

/// The values that encoding and decoding make of `values`.
func roundTrip(
  _ values: [Float], as type: StorageType, columns: Int, importance: [Float]? = nil
) throws -> [Float] {
  let bytes = try encoded(values, as: type, columns: columns, importance: importance)
  return try decoded(bytes, as: type, count: values.count)
}

/// Σ importance · (a − b)², the importance repeated over rows.
func squaredError(_ a: [Float], _ b: [Float], importance: [Float] = [1]) -> Double {
  zip(a, b).enumerated().reduce(0) { sum, pair in
    let error = Double(pair.element.0) - Double(pair.element.1)
    return sum + Double(importance[pair.offset % importance.count]) * error * error
  }
}

/// The textbook encoders of 32-weight blocks, as values: codes by rounding between the extremes.
func roundedBetweenExtremes(_ values: [Float], as type: StorageType) -> [Float] {
  stride(from: 0, to: values.count, by: 32).flatMap { start in
    let block = values[start..<start + 32]
    return switch type {
    case .q4_1: rounded(block, codes: 0...15, offset: block.min() ?? 0)
    case .q5_1: rounded(block, codes: 0...31, offset: block.min() ?? 0)
    case .q4_0: rounded(block, codes: -8...7)
    case .q5_0: rounded(block, codes: -16...15)
    default: rounded(block, codes: -127...127)
    }
  }
}

private func rounded(
  _ block: ArraySlice<Float>, codes: ClosedRange<Float>, offset: Float? = nil
) -> [Float] {
  let low = Float(Float16(offset ?? 0))
  let extreme = block.max { abs($0) < abs($1) } ?? 0
  let scale: Float =
    if let offset {
      Float(Float16(((block.max() ?? 0) - offset) / codes.upperBound))
    } else {
      Float(Float16(extreme / codes.lowerBound))
    }
  return block.map { value in
    let code = ((value - low) / scale).rounded(.toNearestOrEven)
    return scale * min(max(code, codes.lowerBound), codes.upperBound) + low
  }
}
