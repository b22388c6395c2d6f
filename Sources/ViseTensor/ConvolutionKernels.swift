import CViseKernels

/// The inner loops of convolutions on float32, on the calling thread; `vise_convolve.h` has the formulas.
public enum ConvolutionKernels {
  /// Filters whose sums are made together.
  public static let filterBlock = Int(VISE_FILTER_BLOCK)
  /// Floats beyond the last that may be read of an image, and written of a row of sums.
  public static let slack = Int(VISE_CONVOLVE_SLACK)

  /// Sums of shifted rows for `filterBlock` filters.
  public static func shiftedSums(
    weights: UnsafePointer<Float>, offsets: UnsafePointer<Int64>, depth: Int,
    image: UnsafePointer<Float>, count: Int, into sums: UnsafeMutablePointer<Float>, stride: Int
  ) {
    vise_shifted_sums(weights, offsets, Int64(depth), image, Int64(count), sums, Int64(stride))
  }

  /// y = act(x · factor + shift + more), row by row.
  public static func finishRows(
    _ x: UnsafePointer<Float>, rows: Int, width: Int, stride: Int, factor: Float, shift: Float,
    more: UnsafePointer<Float>?, rectify: Bool, into y: UnsafeMutablePointer<Float>
  ) {
    vise_finish_rows(
      x, Int64(rows), Int64(width), Int64(stride), factor, shift, more, rectify ? 1 : 0, y)
  }

  /// A plane with zeros around it.
  public static func padPlane(
    _ x: UnsafePointer<Float>, rows: Int, width: Int, top: Int, left: Int, paddedRows: Int,
    paddedWidth: Int, into y: UnsafeMutablePointer<Float>
  ) {
    vise_pad_plane(
      x, Int64(rows), Int64(width), Int64(top), Int64(left), Int64(paddedRows),
      Int64(paddedWidth), y)
  }
}
