public import ViseTensor

/// Segmented quantization: columns in the order of their magnitude, in segments of as many bits as
/// each deserves, with codes adjusted to the direction of each row's segment.
///
/// SAQ (Li et al., "SAQ: Pushing the Limits of Vector Quantization through Code Adjustment and
/// Dimension Segmentation", 2025, sections 3 and 4): dimensions are sorted by their share of the
/// energy, here Σw² times the inputs' mean square, and cut into segments; an exact dynamic program
/// (`SegmentBits`) spends the bits; codes on a uniform grid go up and down by one while that brings
/// the vector's direction nearer (`CodeAdjustment`). Its rotation onto principal components is not
/// stored but folded into the model beforehand: `vise rewrite --rotate pca`.
///
/// Parts: `order` I32 [columns], the column that stands at each place; `bits` U8 [segments], 0 to
/// 8 each, in the mean those of the name; `codes` U8 [rows, columns·mean/8], a row's segments one after
/// the other, the codes of each in its number of bits, low bits first; `scales` F16 [rows, segments].
/// At place k of segment t, x̂ = scale · (code + ½ − 2^(bits−1)), and 0 where it has no bits.
public struct SegmentedFormat: WeightCodec {
  /// Mean bits of a code.
  public let meanBits: Int
  /// Columns of a segment.
  public let segmentLength: Int

  static let largestBits = 8

  public init(meanBits: Int, segmentLength: Int = 64) {
    precondition((1...Self.largestBits).contains(meanBits) && segmentLength % 8 == 0)
    self.meanBits = meanBits
    self.segmentLength = segmentLength
  }

  /// `saq4`, or with shorter or longer segments `saq4:s32`; segments are whole bytes of one bit a code.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("saq"), let bits = Int(base.dropFirst(3)), (1...8).contains(bits),
      base == "saq\(bits)", options.count <= 1
    else { return nil }
    var length = 64
    if let option = options.first {
      guard option.hasPrefix("s"), let asked = Int(option.dropFirst()), option == "s\(asked)",
        (8...4096).contains(asked), asked % 8 == 0
      else { return nil }
      length = asked
    }
    self.init(meanBits: bits, segmentLength: length)
  }

  public var name: String { "saq\(meanBits):s\(segmentLength)" }

  public var bitsPerWeight: Double { Double(meanBits) + 16 / Double(segmentLength) }

  public func misfit(columns: Int) -> String? {
    columns % segmentLength == 0
      ? nil : "\(name) needs rows divisible by \(segmentLength), this site's are \(columns)"
  }

  public func layout(rows: Int, columns: Int) -> [WeightPart] {
    let segments = columns / segmentLength
    return [
      WeightPart(name: "order", type: .int32, shape: [columns]),
      WeightPart(name: "bits", type: .uint8, shape: [segments]),
      WeightPart(name: "codes", type: .uint8, shape: [rows, columns * meanBits / 8]),
      WeightPart(name: "scales", type: .float16, shape: [rows, segments]),
    ]
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    let encoded = EncodedWeight(rows: weight.rows, columns: weight.columns, codec: self)
    let values = weight.finiteCopy()
    let order = Self.order(of: values, importance: importance)
    let sorted = values.columns(at: order)
    let weights = importance.map { importance in order.map { max(importance[$0], 0) } }
    let bits = SegmentBits(meanBits: meanBits, segmentLength: segmentLength)
      .bits(for: sorted, importance: weights)
    store(order, bits, in: encoded)
    let (codes, scales) = (encoded.bytes("codes"), encoded.bytes("scales"))
    let rowBytes = codes.count / max(weight.rows, 1)
    try work.forEachChunk(rows: weight.rows, columns: weight.columns) { rows in
      var adjusted = [UInt8](repeating: 0, count: segmentLength)
      for row in rows {
        var byte = row * rowBytes
        for (segment, width) in bits.enumerated() where width > 0 {
          let range = segment * segmentLength..<(segment + 1) * segmentLength
          let scale = withExtendedLifetime(sorted) {
            withSlice(of: weights, range) {
              CodeAdjustment(bits: width).fit(
                UnsafeBufferPointer(start: sorted.row(row) + range.lowerBound, count: range.count),
                importance: $0, into: &adjusted)
            }
          }
          scales.storage.storeBytes(
            of: Float16(scale), toByteOffset: 2 * (row * bits.count + segment), as: Float16.self)
          let count = segmentLength * width / 8
          adjusted.withUnsafeBytes {
            GridKernels.pack($0, bits: width, into: codes.slice(byte, count: count))
          }
          byte += count
        }
      }
    }
    return encoded
  }

  public func decode(_ encoded: EncodedWeight, work: RowWork) throws -> Matrix {
    let values = Matrix.zeros(rows: encoded.rows, columns: encoded.columns)
    let order = self.order(in: encoded)
    let bits = encoded.bytes("bits").storage.map { min(Int($0), Self.largestBits) }
    let (codes, scales) = (encoded.bytes("codes"), encoded.halves("scales"))
    let rowBytes = codes.count / max(encoded.rows, 1)
    try work.forEachChunk(rows: encoded.rows, columns: encoded.columns) { rows in
      var segmentCodes = [UInt8](repeating: 0, count: segmentLength)
      for row in rows {
        var byte = 0
        let y = values.row(row)
        for (segment, width) in bits.enumerated() where width > 0 {
          let count = segmentLength * width / 8
          guard byte + count <= rowBytes else { break }
          segmentCodes.withUnsafeMutableBufferPointer {
            GridKernels.unpack(
              UnsafeRawBufferPointer(codes.slice(row * rowBytes + byte, count: count)),
              bits: width, into: $0)
          }
          byte += count
          let (scale, middle) = (scales[row * bits.count + segment], CodeAdjustment.middle(width))
          for (place, code) in segmentCodes.enumerated() {
            y[order[segment * segmentLength + place]] = scale * (Float(code) - middle)
          }
        }
      }
    }
    return values
  }

  private func store(_ order: [Int], _ bits: [Int], in encoded: EncodedWeight) {
    let places = encoded.bytes("order").storage
    for (place, column) in order.enumerated() {
      places.storeBytes(of: Int32(column).littleEndian, toByteOffset: 4 * place, as: Int32.self)
    }
    encoded.write(byte: "bits") { UInt8(bits[$0]) }
  }

  /// The column at each place, none beyond the row whatever a file says.
  private func order(in encoded: EncodedWeight) -> [Int] {
    let places = encoded.bytes("order").storage
    return (0..<encoded.columns).map {
      let column = Int32(littleEndian: places.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self))
      return min(max(Int(column), 0), encoded.columns - 1)
    }
  }

  /// Columns by falling energy of what they add to the outputs.
  private static func order(of weight: Matrix, importance: [Float]?) -> [Int] {
    var energies = weight.columnSquares
    if let importance {
      for column in energies.indices { energies[column] *= Double(max(importance[column], 0)) }
    }
    return energies.indices.sorted { (energies[$1], $0) < (energies[$0], $1) }
  }
}
