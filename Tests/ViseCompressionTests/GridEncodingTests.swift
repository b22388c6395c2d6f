import Testing
import ViseCompression
import ViseTensor

/// Where a format whose weights come in points of a grid keeps the number of a point.
private struct PointLayout {
  let type: StorageType
  /// Weights of a point, and points of the grid.
  let length, count: Int
  /// Replaces the number of point `index` of a block.
  let put: @Sendable (_ number: Int, _ index: Int, _ block: inout [UInt8]) -> Void

  static let all = [
    PointLayout(type: .iq2_XXS, length: 8, count: 256) { number, index, block in
      block[2 + index / 4 * 8 + index % 4] = UInt8(number)
    },
    PointLayout(type: .iq2_XS, length: 8, count: 512) { number, index, block in
      block[2 + 2 * index] = UInt8(number & 255)
      block[3 + 2 * index] = block[3 + 2 * index] & 0xFE | UInt8(number >> 8)
    },
    PointLayout(type: .iq2_S, length: 8, count: 1024) { number, index, block in
      block[2 + index] = UInt8(number & 255)
      put(number >> 8, bits: 2, shift: index % 4 * 2, &block[66 + index / 4])
    },
    PointLayout(type: .iq3_XXS, length: 4, count: 256) { number, index, block in
      block[2 + index] = UInt8(number)
    },
    PointLayout(type: .iq3_S, length: 4, count: 512) { number, index, block in
      block[2 + index] = UInt8(number & 255)
      put(number >> 8, bits: 1, shift: index % 8, &block[66 + index / 8])
    },
    PointLayout(type: .iq1_S, length: 8, count: 2048) { number, index, block in
      block[2 + index] = UInt8(number & 255)
      let word = 34 + index / 4 * 2
      var bits = UInt16(block[word]) | UInt16(block[word + 1]) << 8
      bits = bits & ~(7 << (index % 4 * 3)) | UInt16(number >> 8) << (index % 4 * 3)
      block[word] = UInt8(bits & 255)
      block[word + 1] = UInt8(bits >> 8)
    },
    PointLayout(type: .iq1_M, length: 8, count: 2048) { number, index, block in
      block[index] = UInt8(number & 255)
      put(number >> 8, bits: 3, shift: index % 2 * 4, &block[32 + index / 2])
    },
  ]

  private static func put(_ value: Int, bits: Int, shift: Int, _ byte: inout UInt8) {
    let mask = UInt8((1 << bits) - 1) << shift
    byte = byte & ~mask | UInt8(value) << shift
  }
}

/// Laws of the encoders that search: whatever scales they chose, no other code would be nearer.
@Suite struct GridEncodingTests {
  @Test(arguments: PointLayout.all.indices, 0..<2 as Range<UInt64>)
  func noOtherPointOfTheGridIsNearer(index: Int, seed: UInt64) throws {
    let layout = PointLayout.all[index]
    var weights = TestWeights(seed: 400 + seed)
    let values = weights.normal(256, deviation: 0.05)
    let importance = weights.normal(256, deviation: 1).map { $0 * $0 }
    let block = try encoded(values, as: layout.type, columns: 256, importance: importance)
    let result = try decoded(block, as: layout.type, count: 256)
    for point in stride(from: Int(seed), to: 256 / layout.length, by: 5) {
      let range = point * layout.length..<(point + 1) * layout.length
      let errorOf = { (result: [Float]) in
        squaredError(
          Array(values[range]), Array(result[range]), importance: Array(importance[range]))
      }
      let error = errorOf(result)
      for number in 0..<layout.count {
        var other = block
        layout.put(number, point, &other)
        let found = errorOf(try decoded(other, as: layout.type, count: 256))
        #expect(error <= found * 1.00001, "\(layout.type), point \(point) as \(number)")
      }
    }
  }

  @Test(arguments: [StorageType.tq1_0, .tq2_0], 0..<4 as Range<UInt64>)
  func ternaryBlocksReachTheLeastErrorThereIs(type: StorageType, seed: UInt64) throws {
    var weights = TestWeights(seed: 500 + seed)
    let values = weights.normal(256, deviation: 0.05)
    let importance = weights.normal(256, deviation: 1).map { $0 * $0 }
    // The weights that are not zero are the largest ones: try each number of them.
    var (gain, product, total) = (0.0, 0.0, 0.0)
    for index in values.indices.sorted(by: { abs(values[$0]) > abs(values[$1]) }) {
      product += Double(importance[index] * abs(values[index]))
      total += Double(importance[index])
      gain = max(gain, product * product / total)
    }
    let power = squaredError(
      values, [Float](repeating: 0, count: 256), importance: importance)
    let result = try roundTrip(values, as: type, columns: 256, importance: importance)
    let error = squaredError(values, result, importance: importance)
    #expect(error <= 1.002 * (power - gain), "seed \(seed)")
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func noOtherPowerOfTwoServesAnMXFP4BlockBetter(seed: UInt64) throws {
    var weights = TestWeights(seed: 600 + seed)
    let values = weights.normal(32, deviation: 0.05)
    let magnitudes: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    let best = (-20...4).map { exponent in
      let scale = Float(sign: .plus, exponent: exponent, significand: 1)
      return squaredError(
        values,
        values.map { value in
          let nearest = magnitudes.min {
            abs($0 * scale - abs(value)) < abs($1 * scale - abs(value))
          }
          return (value < 0 ? -1 : 1) * scale * (nearest ?? 0)
        })
    }.min()
    let error = squaredError(values, try roundTrip(values, as: .mxfp4, columns: 32))
    #expect(error <= 1.00001 * (try #require(best)), "seed \(seed)")
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func valuesOfAnIQ4XSBlockAreTheNearestOfTheirCodebook(seed: UInt64) throws {
    var weights = TestWeights(seed: 700 + seed)
    let values = weights.normal(256, deviation: 0.05)
    let block = try encoded(values, as: .iq4_XS, columns: 256)
    let result = try decoded(block, as: .iq4_XS, count: 256)
    for number in UInt8(0)..<16 {
      var other = block
      for byte in 8..<136 { other[byte] = number | number << 4 }
      let candidates = try decoded(other, as: .iq4_XS, count: 256)
      for index in values.indices {
        let (error, found) = (
          abs(result[index] - values[index]), abs(candidates[index] - values[index])
        )
        #expect(error <= found * 1.00001, "seed \(seed), weight \(index)")
      }
    }
  }
}
