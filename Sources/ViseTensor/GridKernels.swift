import CViseKernels

/// Rounding to grids of levels: thin doors to the C kernels, which `vise_grids.h` documents.
public enum GridKernels {
  /// Σ importance · (x − the nearest level)²; `levels` ascend.
  public static func error(
    _ x: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?, levels: [Float]
  ) -> Double {
    precondition((1...256).contains(levels.count) && (importance?.count ?? x.count) >= x.count)
    guard let values = x.baseAddress else { return 0 }
    return vise_grid_error(
      values, Int64(x.count), importance?.baseAddress, levels, Int64(levels.count))
  }

  /// The indices of the levels nearest to `x`, the lower of two equally near.
  public static func codes(
    _ x: UnsafeBufferPointer<Float>, levels: UnsafeBufferPointer<Float>,
    into codes: UnsafeMutablePointer<UInt8>
  ) {
    precondition((1...256).contains(levels.count))
    guard let values = x.baseAddress, let levels = levels.baseAddress.map({ ($0, levels.count) })
    else { return }
    vise_grid_codes(values, Int64(x.count), levels.0, Int64(levels.1), codes)
  }

  /// Σ importance · (x − scale · (q − zero))² with q = clamp(round(x / scale + zero), codes).
  public static func affineError(
    _ x: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?, scale: Float,
    zero: Float, codes: ClosedRange<Float>
  ) -> Double {
    precondition((importance?.count ?? x.count) >= x.count)
    guard let values = x.baseAddress else { return 0 }
    return vise_affine_error(
      values, Int64(x.count), importance?.baseAddress, scale, zero, codes.lowerBound,
      codes.upperBound)
  }

  /// The q of `affineError`, as floats.
  public static func affineCodes(
    _ x: UnsafeBufferPointer<Float>, scale: Float, zero: Float, codes: ClosedRange<Float>,
    into result: UnsafeMutablePointer<Float>
  ) {
    guard let values = x.baseAddress else { return }
    vise_affine_codes(
      values, Int64(x.count), scale, zero, codes.lowerBound, codes.upperBound, result)
  }

  /// levels[i] = half((i + low − zero) · scale), within the range of half floats.
  public static func affineLevels(
    scale: Float, zero: Float, low: Float, count: Int, into levels: UnsafeMutablePointer<Float>
  ) {
    vise_affine_levels(scale, zero, low, Int64(count), levels)
  }

  /// The scale with which centre + scale · table rounds `x` best, the first of equals.
  public static func bestScale(
    _ x: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?, table: [Float],
    centre: Float = 0, scales: [Float]
  ) -> (scale: Float, error: Double) {
    precondition((1...256).contains(table.count) && !scales.isEmpty)
    precondition((importance?.count ?? x.count) >= x.count)
    guard let values = x.baseAddress else { return (scales[0], 0) }
    var error = 0.0
    let index = vise_table_scale(
      values, Int64(x.count), importance?.baseAddress, table, Int64(table.count), centre, scales,
      Int64(scales.count), &error)
    return (scales[Int(index)], error)
  }

  /// The index of the first largest score of each of `indices.count` rows of `columns`.
  public static func largestColumns(
    _ scores: UnsafePointer<Float>, columns: Int, into indices: UnsafeMutableBufferPointer<Int32>
  ) {
    guard let target = indices.baseAddress else { return }
    vise_largest_columns(scores, Int64(indices.count), Int64(columns), target)
  }

  /// Packs codes of `bits` bits, low bits first, into (count · bits + 7) / 8 bytes.
  public static func pack(
    _ codes: UnsafeRawBufferPointer, bits: Int, into packed: UnsafeMutableRawBufferPointer
  ) {
    precondition((1...8).contains(bits) && packed.count == (codes.count * bits + 7) / 8)
    guard let source = codes.baseAddress, let target = packed.baseAddress else { return }
    vise_pack_codes(
      source.assumingMemoryBound(to: UInt8.self), Int64(codes.count), Int32(bits),
      target.assumingMemoryBound(to: UInt8.self))
  }

  /// Reads back `codes.count` codes that `pack` wrote.
  public static func unpack(
    _ packed: UnsafeRawBufferPointer, bits: Int, into codes: UnsafeMutableBufferPointer<UInt8>
  ) {
    precondition((1...8).contains(bits) && packed.count == (codes.count * bits + 7) / 8)
    guard let source = packed.baseAddress, let target = codes.baseAddress else { return }
    vise_unpack_codes(
      source.assumingMemoryBound(to: UInt8.self), Int64(codes.count), Int32(bits), target)
  }
}
