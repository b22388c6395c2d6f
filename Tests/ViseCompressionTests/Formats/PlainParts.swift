import Testing
import ViseCompression
import ViseTensor

/// The parts of a stored weight as plain arrays, for decoders written from the formats' docs.
struct PlainParts {
  let rows: Int
  let columns: Int
  private var bytes: [String: [UInt8]] = [:]

  init(_ encoded: EncodedWeight) {
    rows = encoded.rows
    columns = encoded.columns
    for part in encoded.parts { bytes[part.part.name] = Array(part.bytes.bytes) }
  }

  func bytes(_ name: String) throws -> [UInt8] { try #require(bytes[name]) }

  func floats(_ name: String) throws -> [Float] {
    let bytes = try bytes(name)
    return stride(from: 0, to: bytes.count, by: 4).map { at in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) })
    }
  }

  func integers(_ name: String) throws -> [Int] {
    try floats(name).map { Int(Int32(bitPattern: $0.bitPattern)) }
  }

  func halves(_ name: String) throws -> [Float] {
    let bytes = try bytes(name)
    return stride(from: 0, to: bytes.count, by: 2).map { at in
      Float(Float16(bitPattern: UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8))
    }
  }

  /// Codes of `bits` bits, bit by bit, row by row, each row beginning at a byte.
  func codes(_ name: String = "codes", bits: Int, columns count: Int? = nil) throws -> [[Int]] {
    let bytes = try bytes(name)
    let columns = count ?? columns
    let rowBytes = (columns * bits + 7) / 8
    return (0..<bytes.count / rowBytes).map { row in
      (0..<columns).map { column in
        (0..<bits).reduce(0) { code, bit in
          let at = column * bits + bit
          return code | Int(bytes[row * rowBytes + at / 8] >> UInt8(at % 8) & 1) << bit
        }
      }
    }
  }
}

/// A weight with Gaussian values, a few outliers and rows of different size.
func testWeight(rows: Int, columns: Int, seed: UInt64) -> Matrix {
  var random = TestWeights(seed: seed)
  var values = random.normal(rows * columns, deviation: 0.08)
  for row in 0..<rows {
    for column in 0..<columns { values[row * columns + column] *= 0.5 + Float(row % 5) / 4 }
    values[row * columns + (row * 7) % columns] *= 4
  }
  return Matrix(rows: rows, columns: columns, values: values)
}

/// Importance that differs a hundredfold between columns.
func testImportance(columns: Int, seed: UInt64) -> [Float] {
  var random = TestWeights(seed: seed)
  return (0..<columns).map { _ in
    let u = random.uniform()
    return 0.05 + 5 * u * u * u
  }
}

/// A format's round trip: what is stored, and the values Vise reads from it.
func stored(
  _ name: String, _ weight: Matrix, importance: [Float]? = nil
) throws -> (encoded: EncodedWeight, values: [Float]) {
  let codec = try #require(NumberFormat(name: name)).codec
  let work = RowWork(pool: nil)
  let encoded = try codec.encode(weight, importance: importance, work: work)
  return (encoded, try codec.decode(encoded, work: work).values)
}

/// 10·log₁₀(Σ w² / Σ (w − ŵ)²), in decibels.
func signalToNoise(_ weight: Matrix, _ values: [Float]) -> Double {
  let power = weight.values.reduce(0.0) { $0 + Double($1) * Double($1) }
  return 10 * log10OfRatio(power, squaredError(weight.values, values))
}

private func log10OfRatio(_ a: Double, _ b: Double) -> Double {
  // log₂ by halving: the tests need no mathematics library.
  var ratio = a / b
  var exponent = 0.0
  while ratio >= 2 { (ratio, exponent) = (ratio / 2, exponent + 1) }
  while ratio < 1 { (ratio, exponent) = (ratio * 2, exponent - 1) }
  var bit = 0.5
  for _ in 0..<30 {
    ratio *= ratio
    if ratio >= 2 { (ratio, exponent) = (ratio / 2, exponent + bit) }
    bit /= 2
  }
  return exponent * 0.30102999566398120
}
