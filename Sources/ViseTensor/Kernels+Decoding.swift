import CViseKernels

/// What generating one token at a time needs beside products.
extension Kernels {
  /// Σ value · x over a packed row of any type that decodes.
  public static func dotRow(
    _ row: UnsafeRawPointer, type: StorageType, _ x: UnsafePointer<Float>, count: Int
  ) -> Float {
    Float(vise_ggml_dot_row(type.rawValue, row, x, Int64(count)))
  }

  /// The keys or values of one head, position after position.
  public struct HeadRows {
    let start: UnsafePointer<Float>
    let length: Int
    let stride: Int

    /// - Parameters:
    ///   - length: features of a position.
    ///   - stride: floats from one position to the next.
    public init(_ start: UnsafePointer<Float>, length: Int, stride: Int) {
      self.start = start
      self.length = length
      self.stride = stride
    }
  }

  /// Attention of one position: query heads that share the keys and values of one head.
  ///
  /// - Parameter scores: room for heads · count floats.
  public static func attend(
    queries: UnsafePointer<Float>, heads: Int, keys: HeadRows, values: HeadRows, count: Int,
    scale: Float, scores: UnsafeMutablePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    vise_attend_heads(
      queries, Int64(heads), Int64(keys.length), keys.start, Int64(keys.stride),
      Int64(values.length), values.start, Int64(values.stride), Int64(count), scale, scores, y)
  }

  /// `rotate` of rows whose first is at `firstPosition`.
  public static func rotate(
    _ x: UnsafeMutablePointer<Float>, rows: Int, firstPosition: Int, heads: Int, headLength: Int,
    rotary: Int, table: UnsafePointer<Float>, isInterleaved: Bool
  ) {
    vise_rope_rows(
      x, Int64(rows), Int64(heads * headLength), Int64(heads), Int64(headLength), Int64(rotary),
      Int64(firstPosition), table, isInterleaved ? 1 : 0)
  }
}
