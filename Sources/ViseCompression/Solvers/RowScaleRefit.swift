public import ViseTensor

/// A factor for each row that brings a stored weight's outputs nearest to the original's.
///
/// Least squares in closed form: c = ŵᵀHw / ŵᵀHŵ with H = E[x xᵀ], which minimises E[(wx − c·ŵx)²].
/// Of ggml's blocks, fitted one at a time, it takes the more the fewer bits they have: of the sample
/// model's KL in iq2_XXS after error feedback an eighth, of SmolLM2's down projections 1 %. Larger
/// factors, which keep outputs from shrinking, took more of the sample's and added to SmolLM2's.
public enum RowScaleRefit {
  /// The factors, 1 for rows without outputs.
  ///
  /// BLAS must be loaded.
  public static func factors(
    decoded: Matrix, weight: Matrix, secondMoment: Matrix
  ) -> [Float] {
    precondition(weight.rows == decoded.rows && weight.columns == decoded.columns)
    let projected = LinearAlgebra.product(decoded, secondMoment)
    return withExtendedLifetime((decoded, weight, projected)) {
      (0..<weight.rows).map { row in
        let square = Kernels.dot(projected.row(row), decoded.row(row), count: weight.columns)
        let product = Kernels.dot(projected.row(row), weight.row(row), count: weight.columns)
        guard square > 0, product > 0 else { return 1 }
        return Float(product / square)
      }
    }
  }

  /// `encoded` with the scales of each row multiplied by its factor and rounded as they are stored.
  public static func applying(
    _ factors: [Float], to encoded: EncodedWeight, format: IntegerFormat
  ) -> EncodedWeight {
    precondition(format.granularity != .tensor && factors.count == encoded.rows)
    let result = EncodedWeight(rows: encoded.rows, columns: encoded.columns, codec: format)
    for part in encoded.parts {
      result.bytes(part.part.name).storage.copyMemory(from: part.bytes.bytes)
    }
    let spans = format.spanCount(columns: encoded.columns)
    let scales = encoded.halves("scales")
    result.write(half: "scales") { Half.nearest(scales[$0] * factors[$0 / spans]) }
    return result
  }

  /// Rows refitted at a time, which bounds what is decoded at once.
  private static let rowsAtOnce = 512

  /// `encoded` with the scales of those rows refitted whose outputs come nearer to the original's.
  ///
  /// Scales are rounded as they are stored, and what a row's refit does is measured after that, so
  /// no row's output error rises. BLAS must be loaded.
  public static func improving(
    _ encoded: EncodedWeight, of weight: Matrix, secondMoment: Matrix, format: IntegerFormat,
    work: RowWork
  ) throws -> EncodedWeight {
    guard format.granularity != .tensor else { return encoded }
    let result = EncodedWeight(rows: encoded.rows, columns: encoded.columns, codec: format)
    try work.forEachChunk(of: encoded.rows, length: rowsAtOnce) { rows in
      let improved = try improving(
        part(of: encoded, rows, format), of: weight.rows(rows), secondMoment, format)
      for part in improved.parts {
        let target = result.bytes(part.part.name)
        let rowBytes = target.count / encoded.rows
        target.slice(rows.lowerBound * rowBytes, count: part.bytes.count)
          .copyMemory(from: part.bytes.bytes)
      }
    }
    return result
  }

  /// Some rows of a stored weight, each of whose parts has as many bytes for every row.
  private static func part(
    of encoded: EncodedWeight, _ rows: Range<Int>, _ format: IntegerFormat
  ) -> EncodedWeight {
    let result = EncodedWeight(rows: rows.count, columns: encoded.columns, codec: format)
    for part in result.parts {
      let source = encoded.bytes(part.part.name)
      let rowBytes = source.count / encoded.rows
      let slice = source.slice(rows.lowerBound * rowBytes, count: rows.count * rowBytes)
      part.bytes.storage.copyMemory(from: UnsafeRawBufferPointer(slice))
    }
    return result
  }

  private static func improving(
    _ encoded: EncodedWeight, of weight: Matrix, _ secondMoment: Matrix, _ format: IntegerFormat
  ) throws -> EncodedWeight {
    let work = RowWork(pool: nil)
    let decoded = try format.decode(encoded, work: work)
    let factors = factors(decoded: decoded, weight: weight, secondMoment: secondMoment)
    let refitted = applying(factors, to: encoded, format: format)
    let before = errors(decoded, weight, secondMoment)
    let after = errors(try format.decode(refitted, work: work), weight, secondMoment)
    let isBetter = zip(before, after).map { $1 < $0 }
    if isBetter.allSatisfy({ $0 }) { return refitted }
    let accepted = zip(factors, isBetter).map { $1 ? $0 : 1 }
    return applying(accepted, to: encoded, format: format)
  }

  /// eᵀHe of each row.
  private static func errors(
    _ decoded: Matrix, _ weight: Matrix, _ secondMoment: Matrix
  ) -> [Double] {
    let difference = weight.copy()
    return withExtendedLifetime((difference, decoded)) {
      for index in 0..<difference.count { difference.pointer[index] -= decoded.pointer[index] }
      let product = LinearAlgebra.product(difference, secondMoment)
      return withExtendedLifetime(product) {
        (0..<weight.rows).map {
          Kernels.dot(product.row($0), difference.row($0), count: weight.columns)
        }
      }
    }
  }
}

extension RowScaleRefit {
  /// Multiplies the rows of `encoded`, blocks of `type`, by their factors where outputs come nearer to
  /// those of `weight`.
  ///
  /// As of integers, no row's output error rises. BLAS must be loaded.
  public static func improve(
    _ encoded: EncodedWeight, type: StorageType, of weight: Matrix, secondMoment: Matrix,
    work: RowWork
  ) throws {
    guard type.hasUnits, encoded.rows > 0 else { return }
    let data = encoded.bytes("data")
    let rowBytes = data.count / encoded.rows
    try work.forEachChunk(of: encoded.rows, length: rowsAtOnce) { rows in
      let bytes = data.slice(rows.lowerBound * rowBytes, count: rows.count * rowBytes)
      let own = weight.rows(rows)
      let decoded = try values(bytes, type, like: own)
      let factors = factors(decoded: decoded, weight: own, secondMoment: secondMoment)
      let refitted = ByteBuffer(count: bytes.count)
      refitted.storage.copyMemory(from: UnsafeRawBufferPointer(bytes))
      for (row, factor) in factors.enumerated() {
        type.scaleUnits(of: refitted.slice(row * rowBytes, count: rowBytes), by: factor)
      }
      let before = errors(decoded, own, secondMoment)
      let after = errors(
        try values(refitted.slice(0, count: bytes.count), type, like: own), own, secondMoment)
      withExtendedLifetime(refitted) {
        for row in 0..<rows.count where after[row] < before[row] {
          UnsafeMutableRawBufferPointer(rebasing: bytes[row * rowBytes..<(row + 1) * rowBytes])
            .copyMemory(
              from: UnsafeRawBufferPointer(refitted.slice(row * rowBytes, count: rowBytes)))
        }
      }
    }
  }

  private static func values(
    _ bytes: UnsafeMutableRawBufferPointer, _ type: StorageType, like weight: Matrix
  ) throws -> Matrix {
    let values = Matrix(rows: weight.rows, columns: weight.columns)
    try type.decode(
      UnsafeRawBufferPointer(bytes),
      into: UnsafeMutableBufferPointer(start: values.pointer, count: values.count))
    return values
  }
}
