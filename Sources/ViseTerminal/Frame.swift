public import ViseWorkbench

/// What lies under the mouse.
public enum HitTarget: Hashable, Sendable {
  /// A row of the layer list, counted from the top of the screen's list.
  case listRow(Int)
  /// An entry of the list in front, by its position in all of the list.
  case item(Int)
  case command(Command)
}

/// A rectangle that answers a click.
public struct HitArea: Hashable, Sendable {
  public let rect: Rect
  public let target: HitTarget
}

/// A finished picture of the workbench.
public struct Frame: Hashable, Sendable {
  public let buffer: CellBuffer
  public let hits: [HitArea]
  public let cursorColumn: Int
  /// Negative where no text cursor is shown.
  public let cursorRow: Int

  /// What a click at this position means.
  public func target(column: Int, row: Int) -> HitTarget? {
    hits.last { $0.rect.contains(column: column, row: row) }?.target
  }
}
