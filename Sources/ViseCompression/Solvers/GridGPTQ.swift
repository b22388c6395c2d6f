public import ViseTensor

/// GPTQ for formats on a grid of levels (Frantar et al., arXiv:2210.17323, algorithm 1).
///
/// Column after column is rounded to the levels of its span, and its error spread over the columns
/// to come, e = (w − q) / U[j, j], w[k] −= e·U[j, k]. Spans are fitted when the feedback reaches
/// them, their errors weighed by 1 / U[j, j]². Pruned weights take the level nearest to zero.
public struct GridGPTQ<Codec: GridCodec>: Sendable {
  public let codec: Codec
  private let factor: InputFactor

  public init(codec: Codec, factor: InputFactor) {
    self.codec = codec
    self.factor = factor
  }

  /// The stored form of `weight`, whose columns are the factor's inputs.
  public func encode(
    _ weight: Matrix, mask: Mask? = nil, work: RowWork
  ) throws -> EncodedWeight {
    precondition(weight.columns == factor.size)
    let shared = try codec.sharedParameters(
      for: weight, importance: factor.importance, work: work)
    let result = GridCodes(
      rows: weight.rows, columns: weight.columns,
      spans: codec.spanCount(columns: weight.columns))
    try work.forEachChunk(of: weight.rows, length: BlockGPTQ.rowsAtOnce) { rows in
      let feedback = GridFeedback(
        values: weight.rows(rows), kept: mask?.factors(rows), firstRow: rows.lowerBound,
        codec: codec, shared: shared, result: result)
      feedback.roundInOrder(factor)
    }
    return codec.pack(result, shared: shared)
  }
}

/// GPTQ in the order of the inputs' power, largest first, with spans fitted beforehand.
///
/// The columns that matter most are rounded while most others can still make up for them. Spans
/// stay where they are in the row (AutoGPTQ's `desc_act` with static groups), so that any reader
/// of the format decodes the result.
public struct ActivationOrderGPTQ<Codec: GridCodec>: Sendable {
  public let codec: Codec
  private let order: [Int]
  private let factor: InputFactor

  public init(codec: Codec, secondMoment: Matrix) throws(CompressionError) {
    self.codec = codec
    let power = LinearAlgebra.diagonal(of: secondMoment)
    let order = power.indices.sorted { (power[$1], $0) < (power[$0], $1) }
    self.order = order
    let size = order.count
    let ordered = Matrix(rows: size, columns: size)
    withExtendedLifetime((ordered, secondMoment)) {
      for (row, from) in order.enumerated() {
        for (column, other) in order.enumerated() {
          ordered.pointer[row * size + column] = secondMoment.pointer[from * size + other]
        }
      }
    }
    factor = try InputFactor(secondMoment: ordered)
  }

  /// The stored form of `weight`, whose columns are the moment's inputs.
  public func encode(
    _ weight: Matrix, mask: Mask? = nil, work: RowWork
  ) throws -> EncodedWeight {
    precondition(weight.columns == order.count)
    var importance = [Float](repeating: 0, count: order.count)
    for (place, column) in order.enumerated() { importance[column] = factor.importance[place] }
    let costs = importance
    let shared = try codec.sharedParameters(for: weight, importance: costs, work: work)
    let result = GridCodes(
      rows: weight.rows, columns: weight.columns,
      spans: codec.spanCount(columns: weight.columns))
    try work.forEachChunk(of: weight.rows, length: BlockGPTQ.rowsAtOnce) { rows in
      let feedback = GridFeedback(
        values: weight.rows(rows), kept: mask?.factors(rows), firstRow: rows.lowerBound,
        codec: codec, shared: shared, result: result)
      feedback.round(by: order, factor, importance: costs)
    }
    return codec.pack(result, shared: shared)
  }
}

/// Error feedback over some rows; overwrites their values.
private struct GridFeedback<Codec: GridCodec> {
  let values: Matrix
  /// 0 where a weight is pruned, else 1.
  let kept: Matrix?
  let firstRow: Int
  let codec: Codec
  let shared: [Float]
  let result: GridCodes

  private var spanLength: Int { codec.spanLength(columns: values.columns) }

  /// Rounds span after span, each fitted to the values as corrected so far.
  func roundInOrder(_ factor: InputFactor) {
    let columns = values.columns
    let errors = Matrix(rows: values.rows, columns: BlockSolving.chunkLength)
    let zeros = [Int32](repeating: 0, count: BlockSolving.chunkLength)
    var levels: [Float] = []
    var first = 0
    while first < columns {
      let span = first / spanLength
      let spanEnd = min((span + 1) * spanLength, columns)
      if first == span * spanLength {
        levels = fit(span, first..<spanEnd, importance: factor.importance)
      }
      let count = min(BlockSolving.chunkLength, spanEnd - first)
      levels.withUnsafeBufferPointer { levels in
        feed(
          first..<first + count, to: table(levels), spans: zeros, codes: codes(first),
          codesStride: columns, factor, errors)
      }
      first += count
    }
  }

  /// Rounds columns in `order`, to spans fitted to the values as they are.
  func round(by order: [Int], _ factor: InputFactor, importance: [Float]) {
    let columns = values.columns
    let levels = (0..<codec.spanCount(columns: columns)).flatMap { span in
      fit(
        span, span * spanLength..<min((span + 1) * spanLength, columns), importance: importance)
    }
    let ordered = GridFeedback(
      values: Self.permuted(values, order), kept: kept.map { Self.permuted($0, order) },
      firstRow: firstRow, codec: codec, shared: shared, result: result)
    let spans = order.map { Int32($0 / spanLength) }
    let errors = Matrix(rows: values.rows, columns: BlockSolving.chunkLength)
    let codes = ByteBuffer(count: values.count)
    for first in stride(from: 0, to: columns, by: BlockSolving.chunkLength) {
      let range = first..<min(first + BlockSolving.chunkLength, columns)
      levels.withUnsafeBufferPointer { levels in
        ordered.feed(
          range, to: table(levels), spans: Array(spans[range]),
          codes: codes.storage.baseAddress?.advanced(by: first), codesStride: columns, factor,
          errors)
      }
    }
    for row in 0..<values.rows {
      let target = result.rowCodes(firstRow + row)
      for (place, column) in order.enumerated() {
        target[column] = codes.storage[row * columns + place]
      }
    }
  }

  /// Fits `span` of every row to its present values and returns the rows' levels.
  private func fit(_ span: Int, _ range: Range<Int>, importance: [Float]) -> [Float] {
    var levels = [Float](repeating: 0, count: values.rows * codec.levelCount)
    let present = masked(range)
    withExtendedLifetime(present) {
      for row in 0..<values.rows {
        let slice = UnsafeBufferPointer(start: present.row(row), count: range.count)
        let parameters = importance.withUnsafeBufferPointer {
          codec.fit(
            slice, importance: UnsafeBufferPointer(rebasing: $0[range]), shared: shared,
            row: firstRow + row)
        }
        result.rowParameters(firstRow + row)[span] = parameters
        levels.withUnsafeMutableBufferPointer {
          guard let start = $0.baseAddress else { return }
          codec.levels(parameters, shared: shared, into: start + row * codec.levelCount)
        }
      }
    }
    return levels
  }

  /// The present values of the columns `range`, pruned ones as zero.
  private func masked(_ range: Range<Int>) -> Matrix {
    let present = values.columns(range)
    guard let kept else { return present }
    withExtendedLifetime((present, kept)) {
      for row in 0..<present.rows {
        let (to, factors) = (present.row(row), kept.row(row) + range.lowerBound)
        for column in 0..<range.count { to[column] *= factors[column] }
      }
    }
    return present
  }

  private func table(_ levels: UnsafeBufferPointer<Float>) -> BlockSolving.LevelTable? {
    levels.baseAddress.map {
      BlockSolving.LevelTable(
        $0, count: codec.levelCount, spanStride: values.rows * codec.levelCount)
    }
  }

  private func codes(_ column: Int) -> UnsafeMutableRawPointer? {
    result.codes.storage.baseAddress?.advanced(by: firstRow * values.columns + column)
  }

  /// Rounds the columns `range` and takes their errors off all later ones.
  private func feed(
    _ range: Range<Int>, to table: BlockSolving.LevelTable?, spans: [Int32],
    codes: UnsafeMutableRawPointer?, codesStride: Int, _ factor: InputFactor, _ errors: Matrix
  ) {
    guard let table, let codes else { return }
    let columns = values.columns
    let first = range.lowerBound
    let corner = factor.inverseFactor.pointer + first * columns + first
    withExtendedLifetime((values, kept, errors, factor, result)) {
      spans.withUnsafeBufferPointer { spans in
        guard let spans = spans.baseAddress else { return }
        BlockSolving.feedback(
          levels: table, spans: spans, values: .init(values.pointer + first, stride: columns),
          rows: values.rows, columns: range.count, factor: .init(corner, stride: columns),
          kept: kept.map { .init($0.pointer + first, stride: columns) },
          codes: codes.assumingMemoryBound(to: UInt8.self), codesStride: codesStride,
          errors: .init(errors.pointer, stride: errors.columns))
      }
      let rest = columns - range.upperBound
      guard rest > 0 else { return }
      BLAS.multiply(
        m: values.rows, n: rest, k: range.count, alpha: -1, a: errors.pointer,
        strideA: errors.columns, b: corner + range.count, strideB: columns, beta: 1,
        c: values.pointer + range.upperBound, strideC: columns)
    }
  }

  private static func permuted(_ values: Matrix, _ order: [Int]) -> Matrix {
    let result = Matrix(rows: values.rows, columns: values.columns)
    withExtendedLifetime((values, result)) {
      for row in 0..<values.rows {
        for (place, column) in order.enumerated() {
          result.row(row)[place] = values.row(row)[column]
        }
      }
    }
    return result
  }
}
