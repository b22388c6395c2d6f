import ViseCompression

/// How the layer list is ordered.
public enum LayerOrder: String, CaseIterable, Hashable, Sendable {
  case model, name, role, format, bytes, sensitivity, treated

  /// Whether the largest come first as long as the order is not reversed.
  public var isFalling: Bool { [.format, .bytes, .sensitivity].contains(self) }
}

/// The layer list: what it shows, where the cursor is, what is marked.
public struct LayerList: Hashable, Sendable {
  /// Site indices in display order.
  public internal(set) var shown: [Int] = []
  /// Position in `shown`; 0 where nothing is shown.
  public internal(set) var cursor = 0
  /// Position in `shown` of the first row on screen.
  public internal(set) var top = 0
  /// Rows on screen.
  public internal(set) var rowCount = 1
  public internal(set) var filter = ""
  /// The filter being typed.
  public internal(set) var filterField: TextField?
  public internal(set) var order = LayerOrder.model
  public internal(set) var isReversed = false
  /// Marked sites, whether shown or not.
  public internal(set) var marks: Set<Int> = []
  /// Where a range began, as a position in `shown`.
  public internal(set) var rangeStart: Int?

  /// The site under the cursor.
  public var selected: Int? { shown.indices.contains(cursor) ? shown[cursor] : nil }

  /// Sites of the range being marked.
  public var range: Set<Int> {
    guard let rangeStart, shown.indices.contains(cursor), shown.indices.contains(rangeStart)
    else { return [] }
    return Set(shown[min(rangeStart, cursor)...max(rangeStart, cursor)])
  }

  /// Sites an edit applies to, in the model's order: the marked ones, else the selected one.
  public var targets: [Int] {
    let marked = marks.union(range)
    return marked.isEmpty ? selected.map { [$0] } ?? [] : marked.sorted()
  }

  /// Sites on screen, the selected one first.
  public var attention: [Int] {
    let visible = shown.dropFirst(top).prefix(rowCount)
    guard let selected else { return Array(visible) }
    return [selected] + visible.filter { $0 != selected }
  }

  /// Moves the cursor to `position` as far as it exists, scrolling no more than needed.
  mutating func move(to position: Int) {
    cursor = min(max(position, 0), max(shown.count - 1, 0))
    scrollToCursor()
  }

  mutating func scrollToCursor() {
    let rows = max(rowCount, 1)
    if cursor < top { top = cursor }
    if cursor >= top + rows { top = cursor - rows + 1 }
    top = min(max(top, 0), max(shown.count - rows, 0))
  }

  /// Shows `sites`, keeping the cursor on its site where it is still shown.
  mutating func show(_ sites: [Int]) {
    let kept = selected.flatMap { sites.firstIndex(of: $0) }
    shown = sites
    rangeStart = nil
    move(to: kept ?? cursor)
  }
}
