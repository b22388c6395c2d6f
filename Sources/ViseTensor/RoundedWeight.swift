import CViseKernels

/// A weight rounded to eight bits, for products with what an input changed by.
///
/// Where an input differs little from one whose product is known, only the product of the change is
/// needed, and rounding that to eight bits is off by about half a percent of the change.
/// `vise_change.h` defines it.
public final class RoundedWeight: Sendable {
  public let rows: Int
  public let columns: Int
  private let panels: ByteBuffer
  private let panelByteCount: Int

  private static let panelRows = Int(VISE_CHANGE_ROWS)

  /// Whether products of changes are faster on this machine than those of floats.
  public static var isFast: Bool { vise_change_best_variant() != Int32(VISE_CHANGE_PORTABLE) }

  /// Bytes that a weight of `rows` × `columns` takes.
  public static func byteCount(rows: Int, columns: Int) -> Int {
    (rows + panelRows - 1) / panelRows * Int(vise_change_panel_bytes(Int64(columns)))
  }

  /// Rounds `weight`, outputs × inputs.
  public init(_ weight: Matrix, work: RowWork) throws {
    rows = weight.rows
    columns = weight.columns
    panelByteCount = Int(vise_change_panel_bytes(Int64(weight.columns)))
    let panels = ByteBuffer(count: Self.byteCount(rows: weight.rows, columns: weight.columns))
    self.panels = panels
    let size = panelByteCount
    try work.forEachChunk(of: (rows + Self.panelRows - 1) / Self.panelRows, length: 16) { range in
      withExtendedLifetime(weight) {
        for panel in range {
          let first = panel * Self.panelRows
          vise_change_fill(
            weight.row(first), Int64(weight.columns),
            Int64(min(Self.panelRows, weight.rows - first)), Int64(weight.columns),
            panels.slice(panel * size, count: size).baseAddress)
        }
      }
    }
  }

  public var byteCount: Int { panels.count }

  /// y[t · stride + i] += rows.lowerBound + i-th row · change t, for all tokens of `change`.
  ///
  /// - Precondition: `rows` begins with a multiple of 16.
  public func addProduct(
    rows range: Range<Int>, with change: RoundedChange, to y: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= rows && change.columns == columns
        && range.lowerBound % Self.panelRows == 0)
    guard !range.isEmpty else { return }
    let start = range.lowerBound / Self.panelRows * panelByteCount
    withExtendedLifetime(change) {
      vise_change_multiply(
        panels.slice(start, count: panels.count - start).baseAddress, Int64(range.count),
        Int64(columns), change.bytes.bytes.baseAddress, Int64(change.rows), y, Int64(stride))
    }
  }
}

/// What an input changed by, rounded to eight bits.
public struct RoundedChange: Sendable {
  public let rows: Int
  public let columns: Int
  fileprivate let bytes: ByteBuffer

  /// Rounds `after` − `before`, both tokens × inputs.
  public init(_ after: Matrix, from before: Matrix) {
    precondition(after.rows == before.rows && after.columns == before.columns)
    rows = after.rows
    columns = after.columns
    bytes = ByteBuffer(count: after.rows * Int(vise_change_row_bytes(Int64(after.columns))))
    withExtendedLifetime((after, before)) {
      vise_change_round(
        after.pointer, before.pointer, Int64(after.rows), Int64(after.columns),
        bytes.storage.baseAddress)
    }
  }
}
