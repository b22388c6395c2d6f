import ViseFormats
import ViseTensor

/// A weight of a linear layer as decoding multiplies with it.
enum DecodingWeight: Sendable {
  /// In its own bits, multiplied with rounded activations.
  case packed(PackedMatrix)
  /// Rows without a packed product: unpacked on the way, or floats.
  case rows(WeightRows)

  /// Rows that one member of a team takes at least.
  private static let unit = PackedMatrix.panelRows
  /// Rows unpacked at a time before a matrix product.
  private static let block = 64

  var rowCount: Int {
    switch self {
    case .packed(let matrix): matrix.rows
    case .rows(let rows): rows.rows
    }
  }

  var columns: Int {
    switch self {
    case .packed(let matrix): matrix.columns
    case .rows(let rows): rows.columns
    }
  }

  /// Bytes one product reads.
  var byteCount: Int {
    switch self {
    case .packed(let matrix): matrix.byteCount
    case .rows(let rows): rows.rows * rows.rowByteCount
    }
  }

  /// A weight for `product` whose values are of no consequence.
  init(filledFor product: DecodingProduct, in arena: WeightArena, work: RowWork) throws {
    // Half-floats of about 0.05 and floats of about 1e-13, whatever a type reads there.
    let bytes = ByteBuffer(count: product.byteCount)
    bytes.storage.initializeMemory(as: UInt8.self, repeating: 0x2A)
    switch product.kernel {
    case .rows(let type):
      self = .rows(
        WeightRows(
          source: .bytes(bytes), type: type, rows: product.rows, columns: product.columns))
    case .packed(let type):
      self = .packed(
        try PackedMatrix(
          bytes.bytes, type: type, rows: product.rows, columns: product.columns, in: arena,
          work: work))
    case .sparse(let type):
      // A scale of 0 and codes of 0: no column is kept for its value.
      let zeros = ByteBuffer(count: product.rows * (type.byteCount(elements: product.columns) ?? 0))
      zeros.storage.initializeMemory(as: UInt8.self, repeating: type == .q4_0 ? 0x88 : 0)
      self = .packed(
        try PackedMatrix(
          zeros.bytes, type: type, rows: product.rows, columns: product.columns,
          mayBeSparse: true, in: arena, work: work))
    }
  }

  /// What multiplying with it is.
  func product(isLastOnly: Bool) -> DecodingProduct {
    let kernel: DecodingProduct.Kernel =
      switch self {
      case .packed(let matrix): matrix.isSparse ? .sparse(matrix.type) : .packed(matrix.type)
      case .rows(let rows): .rows(rows.type)
      }
    return DecodingProduct(
      kernel: kernel, rows: rowCount, columns: columns, isLastOnly: isLastOnly)
  }

  /// The type activations are rounded for; `nil` where they stay floats.
  var packedType: StorageType? {
    if case .packed(let matrix) = self { matrix.type } else { nil }
  }

  /// Calculates one member's share of the outputs for `tokens` rows of activations.
  ///
  /// - Parameter x: rounded activations where the weight is packed, else floats.
  /// - Returns: the outputs this member has calculated.
  func multiply(
    _ x: UnsafeRawPointer, tokens: Int, member: SpinTeam.Member,
    scratch: UnsafeMutablePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) -> Range<Int> {
    let units = member.share(of: (rowCount + Self.unit - 1) / Self.unit)
    let range = units.lowerBound * Self.unit..<min(units.upperBound * Self.unit, rowCount)
    switch self {
    case .packed(let matrix):
      matrix.multiply(panels: units, by: x, tokens: tokens, into: y, stride: rowCount)
    case .rows(let rows):
      let x = x.assumingMemoryBound(to: Float.self)
      if tokens == 1 {
        rows.withRows(range) { bytes in
          for row in range {
            y[row] = Kernels.dotRow(
              bytes + (row - range.lowerBound) * rows.rowByteCount, type: rows.type, x,
              count: columns)
          }
        }
      } else {
        multiplyBlocks(of: rows, range, x, tokens, scratch, into: y)
      }
    }
    return range
  }

  /// Floats `multiply` needs as scratch space.
  var scratchCount: Int {
    if case .rows(let rows) = self { Self.block * rows.columns } else { 0 }
  }

  private func multiplyBlocks(
    of rows: WeightRows, _ range: Range<Int>, _ x: UnsafePointer<Float>, _ tokens: Int,
    _ scratch: UnsafeMutablePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.block) {
      let block = start..<min(start + Self.block, range.upperBound)
      rows.decode(block, into: scratch)
      BLAS.multiplyTransposed(
        m: tokens, n: block.count, k: columns, a: x, strideA: columns, b: scratch,
        strideB: columns, c: y + start, strideC: rowCount)
    }
  }
}

/// Rows of a weight as a file or a treatment stores them.
struct WeightRows: Sendable {
  enum Source: Sendable {
    case file(Checkpoint, TensorRecord)
    case bytes(ByteBuffer)
    case floats(Matrix)
  }

  let source: Source
  /// A type that decodes.
  let type: StorageType
  let rows: Int
  let columns: Int

  var rowByteCount: Int { type.byteCount(elements: columns) ?? 0 }

  /// Lends the bytes of `range`.
  func withRows<Result>(_ range: Range<Int>, _ body: (UnsafeRawPointer) -> Result) -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows)
    let offset = range.lowerBound * rowByteCount
    func lend(_ bytes: UnsafeRawBufferPointer) -> Result {
      guard let start = bytes.baseAddress, bytes.count >= rows * rowByteCount else {
        preconditionFailure("a weight has the bytes of its shape")
      }
      return body(start + offset)
    }
    switch source {
    case .file(let checkpoint, let record):
      return checkpoint.withBytes(of: record, lend)
    case .bytes(let buffer):
      return withExtendedLifetime(buffer) { lend($0.bytes) }
    case .floats(let matrix):
      return withExtendedLifetime(matrix) {
        lend(UnsafeRawBufferPointer(start: $0.pointer, count: $0.count * 4))
      }
    }
  }

  /// Writes the values of `range`.
  func decode(_ range: Range<Int>, into y: UnsafeMutablePointer<Float>) {
    withRows(range) { bytes in
      let source = UnsafeRawBufferPointer(start: bytes, count: range.count * rowByteCount)
      let target = UnsafeMutableBufferPointer(start: y, count: range.count * columns)
      guard (try? type.decode(source, into: target)) != nil else {
        preconditionFailure("the type was checked when the weight was opened")
      }
    }
  }
}
