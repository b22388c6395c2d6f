public import ViseTensor

/// A float or block type of the GGUF format: one part, `data`, with the file's bytes.
public struct GGMLCodec: WeightCodec {
  public let type: StorageType

  public init(type: StorageType) {
    self.type = type
  }

  public var name: String { type.name }
  public var bitsPerWeight: Double { type.bitsPerWeight }

  public var methods: Set<Method> {
    var methods: Set<Method> = [.best, .roundToNearest, .weighted]
    if BlockSolving.canFeedBack(type) { methods.insert(.gptq) }
    if BlockSolving.canDescend(type) { methods.insert(.descent) }
    return methods
  }

  public func misfit(columns: Int) -> String? {
    columns % type.blockLength == 0
      ? nil
      : "\(type.name) needs rows divisible by \(type.blockLength), this site's are \(columns)"
  }

  public func layout(rows: Int, columns: Int) -> [WeightPart] {
    let rowBytes = columns / type.blockLength * type.blockByteCount
    return [WeightPart(name: "data", type: .uint8, shape: [rows, rowBytes])]
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    let encoded = EncodedWeight(rows: weight.rows, columns: weight.columns, codec: self)
    let data = encoded.bytes("data")
    let rowBytes = data.count / max(weight.rows, 1)
    try work.forEachChunk(rows: weight.rows, columns: weight.columns) { rows in
      try encode(
        weight, rows: rows, importance: importance,
        into: data.slice(rows.lowerBound * rowBytes, count: rows.count * rowBytes))
    }
    return encoded
  }

  private func encode(
    _ weight: Matrix, rows: Range<Int>, importance: [Float]?,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(EncodingError) {
    defer { withExtendedLifetime(weight) {} }
    let values = UnsafeBufferPointer(
      start: weight.row(rows.lowerBound), count: rows.count * weight.columns)
    if type == .f32 {
      bytes.copyMemory(from: UnsafeRawBufferPointer(values))
      return
    }
    guard let importance else {
      return try type.encode(values, rows: rows.count, columns: weight.columns, into: bytes)
    }
    try importance.withUnsafeBufferPointer { (importance) throws(EncodingError) in
      try type.encode(
        values, rows: rows.count, columns: weight.columns, into: bytes, importance: importance)
    }
  }

  public func decode(_ encoded: EncodedWeight, work: RowWork) throws -> Matrix {
    let values = Matrix(rows: encoded.rows, columns: encoded.columns)
    let data = encoded.bytes("data")
    let rowBytes = data.count / max(encoded.rows, 1)
    try work.forEachChunk(rows: encoded.rows, columns: encoded.columns) { rows in
      try type.decode(
        UnsafeRawBufferPointer(
          data.slice(rows.lowerBound * rowBytes, count: rows.count * rowBytes)),
        into: UnsafeMutableBufferPointer(
          start: values.row(rows.lowerBound), count: rows.count * encoded.columns))
    }
    return values
  }
}
