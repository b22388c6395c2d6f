import CViseKernels

/// Solvers inside ggml's blocks, on the calling thread; `vise_kernels.h` documents each.
public enum BlockSolving {
  /// Columns a call may take: a super-block of the largest types.
  public static let chunkLength = 256

  /// Whether blocks of `type` can be filled with error feedback.
  public static func canFeedBack(_ type: StorageType) -> Bool {
    vise_ggml_solve_length(type.rawValue) > 0
  }

  /// Whether descent can improve blocks of `type`.
  public static func canDescend(_ type: StorageType) -> Bool {
    vise_ggml_can_descend(type.rawValue) != 0
  }

  /// A rectangle of floats: the first element and the distance between rows.
  public struct Rectangle {
    public let start: UnsafeMutablePointer<Float>
    public let stride: Int

    public init(_ start: UnsafeMutablePointer<Float>, stride: Int) {
      self.start = start
      self.stride = stride
    }
  }

  /// Rounds `columns` columns of `values` with error feedback, into `blocks`.
  ///
  /// Where `kept` has 0 instead of 1, a weight takes the level nearest to zero.
  public static func feedback(
    _ type: StorageType, values: Rectangle, rows: Int, columns: Int, factor: Rectangle,
    importance: UnsafePointer<Float>, kept: Rectangle? = nil, blocks: UnsafeMutableRawPointer,
    blockStride: Int, errors: Rectangle
  ) {
    let status = vise_ggml_feedback(
      type.rawValue, values.start, Int64(values.stride), Int64(rows), Int64(columns), factor.start,
      Int64(factor.stride), importance, kept?.start, Int64(kept?.stride ?? 0), blocks,
      Int64(blockStride), errors.start, Int64(errors.stride))
    precondition(status == 0, "\(type.name) has no blocks that feedback can fill")
  }

  /// One pass of coordinate descent over `columns` columns of `blocks`.
  public static func descent(
    _ type: StorageType, values: Rectangle, rows: Int, columns: Int, gradient: Rectangle,
    moment: Rectangle, kept: Rectangle? = nil, blocks: UnsafeMutableRawPointer, blockStride: Int,
    changes: Rectangle
  ) {
    let status = vise_ggml_descent(
      type.rawValue, values.start, Int64(values.stride), Int64(rows), Int64(columns),
      gradient.start, Int64(gradient.stride), moment.start, Int64(moment.stride), kept?.start,
      Int64(kept?.stride ?? 0), blocks, Int64(blockStride), changes.start, Int64(changes.stride))
    precondition(status == 0, "\(type.name) has no blocks that descent can improve")
  }

  /// Levels of some rows: `count` ascending numbers a row, one set a span.
  public struct LevelTable {
    public let start: UnsafePointer<Float>
    public let count: Int
    /// Numbers between the tables of two spans.
    public let spanStride: Int

    public init(_ start: UnsafePointer<Float>, count: Int, spanStride: Int) {
      self.start = start
      self.count = count
      self.spanStride = spanStride
    }
  }

  /// Rounds `columns` ≤ 256 columns to levels with error feedback; `spans` has one index a column.
  public static func feedback(
    levels: LevelTable, spans: UnsafePointer<Int32>, values: Rectangle, rows: Int, columns: Int,
    factor: Rectangle, kept: Rectangle? = nil, codes: UnsafeMutablePointer<UInt8>,
    codesStride: Int, errors: Rectangle
  ) {
    let status = vise_grid_feedback(
      values.start, Int64(values.stride), Int64(rows), Int64(columns), factor.start,
      Int64(factor.stride), levels.start, Int32(levels.count), Int64(levels.spanStride), spans,
      kept?.start, Int64(kept?.stride ?? 0), codes, Int64(codesStride), errors.start,
      Int64(errors.stride))
    precondition(status == 0, "levels are at most 256, chunks at most 256 columns")
  }

  /// How many weights of each row become zero in each group of columns.
  public struct PrunedCounts {
    public let start: UnsafePointer<Int32>
    /// Numbers between two rows.
    public let stride: Int
    /// Columns of a group, at most 256.
    public let groupLength: Int

    public init(_ start: UnsafePointer<Int32>, stride: Int, groupLength: Int) {
      self.start = start
      self.stride = stride
      self.groupLength = groupLength
    }
  }

  /// Prunes `columns` ≤ 256 columns of `values` with error feedback, and writes 0 or 1 to `kept`.
  public static func sparseFeedback(
    values: Rectangle, rows: Int, columns: Int, factor: Rectangle, pruned: PrunedCounts,
    kept: Rectangle, errors: Rectangle
  ) {
    let status = vise_sparse_feedback(
      values.start, Int64(values.stride), Int64(rows), Int64(columns), factor.start,
      Int64(factor.stride), Int64(pruned.groupLength), pruned.start, Int64(pruned.stride),
      kept.start, Int64(kept.stride), errors.start, Int64(errors.stride))
    precondition(status == 0, "chunks and groups are at most 256 columns")
  }
}
