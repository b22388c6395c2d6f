public import ViseTensor

/// A factor for each row that undoes most of what rounding takes off the size of its outputs.
///
/// Values that are nearest to the original in squared error are too small: with y = wx and ŷ = ŵx,
/// ŷ = a·y + e, where a = ŵᵀHw / wᵀHw is below 1, e is uncorrelated to y, and H = E[x xᵀ]. At two
/// bits a is about .9. The part (1 − a)·y is of one sign in every layer, and adds up over the
/// layers of a residual stream; e does not. So an error of the first kind counts `commonWeight` as
/// much, and c·ŵ has the least error κ·(1 − c·a)² + c²·ν at
///
///     c = κ·a / (κ·a² + ν),   ν = ŵᵀHŵ / wᵀHw − a²
///
/// κ = 1 is the least-squares refit, and κ → ∞ leaves outputs unbiased. The IQ encoders of llama.cpp
/// multiply some types' scales by constants to the same end (1.125 for IQ1_S).
public enum OutputGain {
  /// The weight κ of the part in common.
  ///
  /// Of 1, 3 and 10 the last left the least KL divergence, or within 1 % of it, for each of seven types
  /// from 1.6 to 4.5 bits on the sample model. On SmolLM2-135M it costs 0.3 % in
  /// q4_0 and 2.5 % in int3:g64 against error feedback alone: the best κ depends on the model.
  public static let commonWeight = 10.0

  /// The factors, 1 for rows whose stored values have nothing in common with the original.
  ///
  /// - Parameter secondMoment: H; `nil` for inputs that are independent and alike. With it, BLAS
  ///   must be loaded.
  public static func factors(decoded: Matrix, weight: Matrix, secondMoment: Matrix?) -> [Float] {
    precondition(weight.rows == decoded.rows && weight.columns == decoded.columns)
    let stored = secondMoment.map { LinearAlgebra.product(decoded, $0) } ?? decoded
    let original = secondMoment.map { LinearAlgebra.product(weight, $0) } ?? weight
    let columns = weight.columns
    return withExtendedLifetime((decoded, weight, stored, original)) {
      (0..<weight.rows).map { row in
        factor(
          power: Kernels.dot(original.row(row), weight.row(row), count: columns),
          common: Kernels.dot(stored.row(row), weight.row(row), count: columns),
          stored: Kernels.dot(stored.row(row), decoded.row(row), count: columns))
      }
    }
  }

  private static func factor(power: Double, common: Double, stored: Double) -> Float {
    guard power > 0, common > 0, stored > 0 else { return 1 }
    let share = common / power
    let noise = max(stored / power - share * share, 0)
    let factor = Float(commonWeight * share / (commonWeight * share * share + noise))
    return factor.isFinite ? factor : 1
  }

  /// Rows at a time, which bounds what is decoded at once.
  static let rowsAtOnce = 512
}

/// Of ggml's blocks, whose units are multiplied in place.
extension OutputGain {
  /// Multiplies the rows of `encoded`, a stored form of `weight`, by their factors.
  public static func apply(
    to encoded: EncodedWeight, type: StorageType, of weight: Matrix, secondMoment: Matrix?,
    work: RowWork
  ) throws {
    guard type.hasUnits, encoded.rows > 0 else { return }
    let data = encoded.bytes("data")
    let rowBytes = data.count / encoded.rows
    try work.forEachChunk(of: encoded.rows, length: rowsAtOnce) { rows in
      let decoded = Matrix(rows: rows.count, columns: encoded.columns)
      let bytes = data.slice(rows.lowerBound * rowBytes, count: rows.count * rowBytes)
      try type.decode(
        UnsafeRawBufferPointer(bytes),
        into: UnsafeMutableBufferPointer(start: decoded.pointer, count: decoded.count))
      let factors = factors(
        decoded: decoded, weight: weight.rows(rows), secondMoment: secondMoment)
      for (row, factor) in factors.enumerated() {
        let start = row * rowBytes
        type.scaleUnits(of: .init(rebasing: bytes[start..<start + rowBytes]), by: factor)
      }
    }
  }
}

/// Of integers whose rows have scales of their own.
extension OutputGain {
  /// Multiplies the scales of each row of `encoded`, a stored form of `weight`, by its factor.
  public static func apply(
    to encoded: EncodedWeight, format: IntegerFormat, of weight: Matrix, secondMoment: Matrix?,
    work: RowWork
  ) throws {
    guard format.granularity != .tensor else { return }
    let factors = FloatBuffer(count: encoded.rows)
    let target = ResultRows(pointer: factors.pointer)
    try work.forEachChunk(of: encoded.rows, length: rowsAtOnce) { rows in
      let decoded = try format.decode(part(of: encoded, rows, format), work: RowWork(pool: nil))
      let found = Self.factors(
        decoded: decoded, weight: weight.rows(rows), secondMoment: secondMoment)
      for (row, factor) in zip(rows, found) { target.pointer[row] = factor }
    }
    let spans = format.spanCount(columns: encoded.columns)
    let scales = encoded.halves("scales")
    withExtendedLifetime(factors) {
      encoded.write(half: "scales") { Half.nearest(scales[$0] * factors.pointer[$0 / spans]) }
    }
  }

  /// Where workers leave the factors of their rows, each its own.
  private struct ResultRows: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Float>
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
}
