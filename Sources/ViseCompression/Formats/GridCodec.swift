public import ViseTensor

/// A number format whose weights are codes on a grid of levels that spans of a row share.
///
/// What solvers with error feedback need: they fit a span's parameters to values they have already
/// corrected, and round one column at a time. A format says how parameters are fitted, what levels
/// they give and how they are stored; codes are stored here, packed to `codeBits` bits, low bits
/// first, each row beginning at a byte.
public protocol GridCodec: WeightCodec {
  /// Bits of a stored code.
  var codeBits: Int { get }
  /// Levels of a span, at most 2^codeBits.
  var levelCount: Int { get }
  /// Columns that share parameters; the last span of a row may be shorter.
  func spanLength(columns: Int) -> Int
  /// Numbers all spans share, such as a codebook or a tensor's scale; empty where there are none.
  func sharedParameters(
    for weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> [Float]
  /// The parameters of a span, rounded as they are stored.
  func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?,
    shared: [Float]
  ) -> SIMD4<Float>
  /// The values codes 0, 1, … stand for, ascending: `levelCount` numbers.
  func levels(
    _ parameters: SIMD4<Float>, shared: [Float], into levels: UnsafeMutablePointer<Float>)
  /// The parts that hold parameters, without the codes.
  func parameterParts(rows: Int, spans: Int) -> [WeightPart]
  /// Writes rows × spans parameters into their parts.
  func store(_ parameters: [SIMD4<Float>], shared: [Float], into encoded: EncodedWeight)
  /// Reads them back.
  func load(_ encoded: EncodedWeight, spans: Int) -> (parameters: [SIMD4<Float>], shared: [Float])
}

extension GridCodec {
  public var levelCount: Int { 1 << codeBits }

  public var methods: Set<Method> { [.best, .roundToNearest, .weighted, .gptq] }

  public func sharedParameters(
    for weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> [Float] { [] }

  /// Spans of a row.
  public func spanCount(columns: Int) -> Int {
    let length = spanLength(columns: columns)
    return (columns + length - 1) / max(length, 1)
  }

  public func layout(rows: Int, columns: Int) -> [WeightPart] {
    let codes = WeightPart(
      name: "codes", type: .uint8, shape: [rows, (columns * codeBits + 7) / 8])
    return [codes] + parameterParts(rows: rows, spans: spanCount(columns: columns))
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    let shared = try sharedParameters(for: weight, importance: importance, work: work)
    let grid = GridRounding(codec: self, columns: weight.columns, shared: shared)
    let result = GridCodes(rows: weight.rows, columns: weight.columns, spans: grid.spanCount)
    try work.forEachChunk(rows: weight.rows, columns: weight.columns) { rows in
      withExtendedLifetime(weight) {
        for row in rows {
          grid.round(weight.row(row), importance: importance, row: row, into: result)
        }
      }
    }
    return pack(result, shared: shared)
  }

  /// The stored form of `codes`.
  func pack(_ codes: GridCodes, shared: [Float]) -> EncodedWeight {
    let encoded = EncodedWeight(rows: codes.rows, columns: codes.columns, codec: self)
    BitPacking.pack(
      codes.codes, rows: codes.rows, columns: codes.columns, bits: codeBits,
      into: encoded.bytes("codes"))
    store(codes.allParameters, shared: shared, into: encoded)
    return encoded
  }

  public func decode(_ encoded: EncodedWeight, work: RowWork) throws -> Matrix {
    let values = Matrix(rows: encoded.rows, columns: encoded.columns)
    let spans = spanCount(columns: encoded.columns)
    let length = spanLength(columns: encoded.columns)
    let (parameters, shared) = load(encoded, spans: spans)
    let packed = encoded.bytes("codes")
    try work.forEachChunk(rows: encoded.rows, columns: encoded.columns) { rows in
      var codes = [UInt8](repeating: 0, count: encoded.columns)
      var levels = [Float](repeating: 0, count: max(levelCount, 256))
      for row in rows {
        BitPacking.unpack(packed, row: row, bits: codeBits, into: &codes)
        let y = values.row(row)
        for span in 0..<spans {
          self.levels(parameters[row * spans + span], shared: shared, into: &levels)
          for column in span * length..<min((span + 1) * length, encoded.columns) {
            y[column] = levels[Int(codes[column])]
          }
        }
      }
    }
    return values
  }
}

/// Codes and parameters of a weight while they are being chosen; threads fill rows of their own.
final class GridCodes: Sendable {
  let rows: Int
  let columns: Int
  let spans: Int
  /// One byte a code, row by row.
  let codes: ByteBuffer
  private let parameters: ByteBuffer

  init(rows: Int, columns: Int, spans: Int) {
    self.rows = rows
    self.columns = columns
    self.spans = spans
    codes = ByteBuffer(count: rows * columns)
    parameters = ByteBuffer(count: rows * spans * MemoryLayout<SIMD4<Float>>.stride)
  }

  func rowCodes(_ row: Int) -> UnsafeMutableBufferPointer<UInt8> {
    codes.slice(row * columns, count: columns).bindMemory(to: UInt8.self)
  }

  func rowParameters(_ row: Int) -> UnsafeMutableBufferPointer<SIMD4<Float>> {
    let stride = MemoryLayout<SIMD4<Float>>.stride
    return parameters.slice(row * spans * stride, count: spans * stride)
      .bindMemory(to: SIMD4<Float>.self)
  }

  var allParameters: [SIMD4<Float>] { (0..<rows).flatMap { Array(rowParameters($0)) } }
}

/// Rounds rows to the nearest levels of a grid codec.
struct GridRounding<Codec: GridCodec> {
  let codec: Codec
  let columns: Int
  let shared: [Float]
  let spanLength: Int
  let spanCount: Int

  init(codec: Codec, columns: Int, shared: [Float]) {
    self.codec = codec
    self.columns = columns
    self.shared = shared
    spanLength = codec.spanLength(columns: columns)
    spanCount = codec.spanCount(columns: columns)
  }

  /// Fits every span of a row and writes the codes nearest to its values.
  func round(
    _ values: UnsafePointer<Float>, importance: [Float]?, row: Int, into result: GridCodes
  ) {
    let codes = result.rowCodes(row)
    let parameters = result.rowParameters(row)
    var levels = [Float](repeating: 0, count: codec.levelCount)
    for span in 0..<spanCount {
      let range = span * spanLength..<min((span + 1) * spanLength, columns)
      let slice = UnsafeBufferPointer(start: values + range.lowerBound, count: range.count)
      parameters[span] = withImportance(importance, range) {
        codec.fit(slice, importance: $0, shared: shared)
      }
      codec.levels(parameters[span], shared: shared, into: &levels)
      for column in range { codes[column] = UInt8(Self.nearest(values[column], levels)) }
    }
  }

  private func withImportance<Result>(
    _ importance: [Float]?, _ range: Range<Int>,
    _ body: (UnsafeBufferPointer<Float>?) -> Result
  ) -> Result {
    guard let importance else { return body(nil) }
    return importance.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
  }

  /// The index of the level nearest to `value`; the lower one of two equally near.
  static func nearest(_ value: Float, _ levels: [Float]) -> Int {
    var low = 0
    var high = levels.count - 1
    while low < high {
      let middle = (low + high) / 2
      if value > (levels[middle] + levels[middle + 1]) * 0.5 {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}
