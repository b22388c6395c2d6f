public import ViseWorkbench

/// What arrives from the terminal.
public enum InputEvent: Hashable, Sendable {
  case key(KeyPress)
  case paste(String)
  case mouse(MouseEvent)
  /// The terminal's window gained or lost the focus.
  case focus(Bool)
  /// Answer to a request for a mode's state; 1 and 2 mean the terminal knows the mode.
  case modeReport(mode: Int, value: Int)
  /// Answer to a request for the terminal's status: a round trip is over.
  case statusReport
}

/// A button or the wheel, at a cell counted from 0.
public struct MouseEvent: Hashable, Sendable {
  public enum Kind: Hashable, Sendable { case press, release, wheelUp, wheelDown }

  public let kind: Kind
  public let column: Int
  public let row: Int

  public init(_ kind: Kind, column: Int, row: Int) {
    self.kind = kind
    self.column = column
    self.row = row
  }
}
