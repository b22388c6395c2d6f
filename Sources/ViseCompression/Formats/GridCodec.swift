public import ViseTensor

/// A number format whose weights are codes on a grid of levels that spans of a row share.
///
/// What solvers with error feedback need: they fit a span's parameters to values they have already
/// corrected, and round one column at a time. A format says how parameters are fitted, what levels
/// they give and how they are stored; codes are stored here, packed to `codeBits` bits, low bits
/// first, each row beginning at a byte, in a part called `codes`.
public protocol GridCodec: WeightCodec {
  /// Bits of a stored code.
  var codeBits: Int { get }
  /// Levels of a span, at most 2^codeBits.
  var levelCount: Int { get }
  /// What is stored for code 0, 1, … where that is not the code itself, such as a float's bits.
  var storedCodes: [UInt8] { get }
  /// The element type of the part `codes`; other than `uint8` only where codes have 8 bits.
  var codeType: PartType { get }
  /// Columns that share parameters; the last span of a row may be shorter.
  func spanLength(columns: Int) -> Int
  /// Numbers all spans share, such as a codebook or a tensor's scale; empty where there are none.
  func sharedParameters(
    for weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> [Float]
  /// The parameters of a span of `row`, rounded as they are stored.
  func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?,
    shared: [Float], row: Int
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

  public var storedCodes: [UInt8] { [] }

  public var codeType: PartType { .uint8 }

  public var methods: Set<Method> { gridMethods }

  /// The methods that work on every grid.
  var gridMethods: Set<Method> {
    [.best, .roundToNearest, .weighted, .gptq, .gptqActivationOrder, .rate]
  }

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
      name: "codes", type: codeType,
      shape: [rows, BitPacking.rowBytes(columns: columns, bits: codeBits)])
    return [codes] + parameterParts(rows: rows, spans: spanCount(columns: columns))
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    try encodeRounding(weight, importance: importance, work: work)
  }

  /// Stores `weight` as the levels nearest to it.
  func encodeRounding(
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

  /// The stored form of `codes`, which are used up.
  func pack(_ codes: GridCodes, shared: [Float]) -> EncodedWeight {
    let encoded = EncodedWeight(rows: codes.rows, columns: codes.columns, codec: self)
    let patterns = storedCodes
    if !patterns.isEmpty { codes.replace(by: patterns) }
    BitPacking.pack(
      codes.codes, rows: 0..<codes.rows, columns: codes.columns, bits: codeBits,
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
    let codeOf = codesByPattern
    try work.forEachChunk(rows: encoded.rows, columns: encoded.columns) { rows in
      var codes = [UInt8](repeating: 0, count: encoded.columns)
      var levels = [Float](repeating: 0, count: 256)
      for row in rows {
        BitPacking.unpack(packed, row: row, bits: codeBits, into: &codes)
        if let codeOf { for column in codes.indices { codes[column] = codeOf[Int(codes[column])] } }
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

  /// The code each stored pattern stands for, 0 where it is none; `nil` where codes are stored.
  private var codesByPattern: [UInt8]? {
    let patterns = storedCodes
    guard !patterns.isEmpty else { return nil }
    var codes = [UInt8](repeating: 0, count: 256)
    for (code, pattern) in patterns.enumerated() { codes[Int(pattern)] = UInt8(code) }
    return codes
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

  /// Puts patterns[code] in the place of each code.
  func replace(by patterns: [UInt8]) {
    for index in 0..<rows * columns {
      codes.storage[index] = patterns[Int(codes.storage[index])]
    }
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
    guard let codes = result.rowCodes(row).baseAddress else { return }
    let parameters = result.rowParameters(row)
    var levels = [Float](repeating: 0, count: codec.levelCount)
    for span in 0..<spanCount {
      let range = span * spanLength..<min((span + 1) * spanLength, columns)
      let slice = UnsafeBufferPointer(start: values + range.lowerBound, count: range.count)
      parameters[span] = withImportance(importance, range) {
        codec.fit(slice, importance: $0, shared: shared, row: row)
      }
      codec.levels(parameters[span], shared: shared, into: &levels)
      levels.withUnsafeBufferPointer {
        GridKernels.codes(slice, levels: $0, into: codes + range.lowerBound)
      }
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
