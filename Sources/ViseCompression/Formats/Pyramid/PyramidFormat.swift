import Glibc
public import ViseTensor

/// Pyramid vector quantization: each run of D weights is a gain times a direction, and the
/// direction one of the N(D, K) integer points whose magnitudes add up to K.
///
/// Fischer (1986); for neural networks Liguori, "Pyramid Vector Quantization for Deep Learning"
/// (2017). Parts: `directions` U8 [rows, ⌈columns/D·B/8⌉], the points' numbers (see `PyramidCode`)
/// in B = ⌈log₂ N⌉ bits each, low bits first, each row beginning at a byte; `gains` U8 [rows,
/// ⌈columns/D·6/8⌉], six bits each; `gain_table` F32 [64]; `scales` F16 [rows, 1]. With g =
/// gain_table[gain] · scale, x̂ᵢ = yᵢ · (g / √Σy²), in float32. With `hadamard` also `signs` I8
/// [columns], and what is stored is the weight's rows under `RandomizedHadamard`, which decoding
/// inverts.
public struct PyramidFormat: WeightCodec {
  public let dimension: Int
  public let pulses: Int
  public let isRotated: Bool
  private let indexBits: Int

  /// `nil` where points need more than 127 bits, or the numbers make no pyramid.
  public init?(dimension: Int, pulses: Int, isRotated: Bool = false) {
    guard (2...64).contains(dimension), (1...256).contains(pulses),
      let code = PyramidCode(dimension: dimension, pulses: pulses)
    else { return nil }
    self.dimension = dimension
    self.pulses = pulses
    self.isRotated = isRotated
    indexBits = code.indexBits
  }

  /// `pvq16k24`, with `hadamard`.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("pvq"), options.isEmpty || options == ["hadamard"] else { return nil }
    let numbers = base.dropFirst(3).split(separator: "k", omittingEmptySubsequences: false)
    guard numbers.count == 2, let dimension = Int(numbers[0]), let pulses = Int(numbers[1]),
      base == "pvq\(dimension)k\(pulses)"
    else { return nil }
    self.init(dimension: dimension, pulses: pulses, isRotated: !options.isEmpty)
  }

  public var name: String { "pvq\(dimension)k\(pulses)" + (isRotated ? ":hadamard" : "") }

  static let gainBits = 6

  /// Gains fall by a twelfth of a factor of two a step; the lowest is 0.
  static let gainTable: [Float] =
    (0..<64).map { $0 == 0 ? 0 : Float(exp2((Double($0) - 63) / 12)) }

  public var bitsPerWeight: Double {
    Double(indexBits + Self.gainBits) / Double(dimension)
  }

  public func misfit(columns: Int) -> String? {
    columns % dimension == 0
      ? nil : "\(name) needs rows divisible by \(dimension), this site's are \(columns)"
  }

  public func layout(rows: Int, columns: Int) -> [WeightPart] {
    let runs = columns / dimension
    let parts = [
      WeightPart(name: "directions", type: .uint8, shape: [rows, (runs * indexBits + 7) / 8]),
      WeightPart(name: "gains", type: .uint8, shape: [rows, (runs * Self.gainBits + 7) / 8]),
      WeightPart(name: "gain_table", type: .float32, shape: [64]),
      WeightPart(name: "scales", type: .float16, shape: [rows, 1]),
    ]
    return isRotated ? parts + [WeightPart(name: "signs", type: .int8, shape: [columns])] : parts
  }

  private func rotation(_ columns: Int) -> RandomizedHadamard {
    RandomizedHadamard(length: columns, seed: 0x5669_7365)
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    let encoded = EncodedWeight(rows: weight.rows, columns: weight.columns, codec: self)
    guard let code = PyramidCode(dimension: dimension, pulses: pulses) else { return encoded }
    let values = weight.finiteCopy()
    if isRotated {
      let rotation = rotation(weight.columns)
      rotation.apply(to: values)
      let signs = encoded.bytes("signs")
      for (column, sign) in rotation.signs.enumerated() {
        signs.storage.storeBytes(of: Int8(sign), toByteOffset: column, as: Int8.self)
      }
    }
    encoded.write(float: "gain_table") { Self.gainTable[$0] }
    // A rotation spreads every input over all columns: no column's errors weigh more then.
    let encoder = PyramidEncoder(
      code: code, importance: isRotated ? nil : importance, encoded: encoded)
    try work.forEachChunk(rows: weight.rows, columns: weight.columns) { rows in
      for row in rows { encoder.encode(values, row: row) }
    }
    return withExtendedLifetime(values) { encoded }
  }

  public func decode(_ encoded: EncodedWeight, work: RowWork) throws -> Matrix {
    let values = Matrix(rows: encoded.rows, columns: encoded.columns)
    guard let code = PyramidCode(dimension: dimension, pulses: pulses) else { return values }
    let table = encoded.floats("gain_table")
    let scales = encoded.halves("scales")
    let directions = encoded.bytes("directions")
    let rowBytes = directions.count / max(encoded.rows, 1)
    try work.forEachChunk(rows: encoded.rows, columns: encoded.columns) { rows in
      var gains = [UInt8](repeating: 0, count: encoded.columns / dimension)
      var point = [Int32](repeating: 0, count: dimension)
      for row in rows {
        BitPacking.unpack(encoded.bytes("gains"), row: row, bits: Self.gainBits, into: &gains)
        let bits = directions.slice(row * rowBytes, count: rowBytes)
        let y = values.row(row)
        for (run, gain) in gains.enumerated() {
          code.point(at: BitField.read(bits, at: run * indexBits, count: indexBits), into: &point)
          let factor = Self.factor(table[Int(gain)] * scales[row], point)
          for index in 0..<dimension { y[run * dimension + index] = Float(point[index]) * factor }
        }
      }
    }
    if isRotated { rotation(encoded.columns).applyInverse(to: values) }
    return values
  }

  /// gain / √Σy².
  private static func factor(_ gain: Float, _ point: [Int32]) -> Float {
    let square = point.reduce(Int32(0)) { $0 + $1 * $1 }
    return gain / Float(square).squareRoot()
  }
}

/// Fields of up to 128 bits in bytes, low bits first.
enum BitField {
  static func read(_ bytes: UnsafeMutableRawBufferPointer, at bit: Int, count: Int) -> UInt128 {
    var value: UInt128 = 0
    var done = 0
    while done < count {
      let at = bit + done
      let part = UInt128(bytes[at / 8] >> UInt8(at % 8))
      value |= part << UInt128(done)
      done += 8 - at % 8
    }
    return count >= 128 ? value : value & ((1 << UInt128(count)) - 1)
  }

  /// Writes into bytes that are zero where the field lies.
  static func write(
    _ value: UInt128, into bytes: UnsafeMutableRawBufferPointer, at bit: Int, count: Int
  ) {
    var value = value
    var done = 0
    while done < count {
      let at = bit + done
      bytes[at / 8] |= UInt8(truncatingIfNeeded: value) << UInt8(at % 8)
      value >>= UInt128(8 - at % 8)
      done += 8 - at % 8
    }
  }
}

/// Encodes rows into a stored weight.
private struct PyramidEncoder: Sendable {
  let code: PyramidCode
  let importance: [Float]?
  let encoded: EncodedWeight

  func encode(_ values: Matrix, row: Int) {
    let dimension = code.dimension
    let runs = values.columns / dimension
    let search = PyramidSearch(dimension: dimension, pulses: code.pulses)
    let directions = encoded.bytes("directions")
    let rowBytes = directions.count / values.rows
    let bits = directions.slice(row * rowBytes, count: rowBytes)
    var point = [Int32](repeating: 0, count: dimension)
    var gains = [Float](repeating: 0, count: runs)
    for run in 0..<runs {
      let start = run * dimension
      let factor = withSlice(of: importance, start..<start + dimension) {
        search.point(near: values.row(row) + start, weights: $0?.baseAddress, into: &point)
      }
      BitField.write(
        code.index(of: point), into: bits, at: run * code.indexBits, count: code.indexBits)
      gains[run] = factor * Float(point.reduce(Int32(0)) { $0 + $1 * $1 }).squareRoot()
    }
    store(gains, row: row)
  }

  private func store(_ gains: [Float], row: Int) {
    let scale = Half.nearest(gains.max() ?? 0)
    let levels = PyramidFormat.gainTable.map { $0 * scale }
    var codes = [UInt8](repeating: 0, count: gains.count)
    gains.withUnsafeBufferPointer { gains in
      levels.withUnsafeBufferPointer { GridKernels.codes(gains, levels: $0, into: &codes) }
    }
    let packed = encoded.bytes("gains")
    let rowBytes = packed.count / encoded.rows
    codes.withUnsafeBytes {
      GridKernels.pack(
        $0, bits: PyramidFormat.gainBits, into: packed.slice(row * rowBytes, count: rowBytes))
    }
    let scales = encoded.bytes("scales")
    scales.storage.storeBytes(of: Float16(scale), toByteOffset: 2 * row, as: Float16.self)
  }
}
