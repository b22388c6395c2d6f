/// What the mouse does in lists; footers and buttons are commands.
extension WorkbenchState {
  /// Moves the bench's cursor to a row of the screen; a double click looks at the layer.
  mutating func click(row: Int, isDouble: Bool) -> [WorkbenchEffect] {
    guard overlay == nil, page == nil, row >= 0, list.shown.indices.contains(list.top + row)
    else { return [] }
    list.move(to: list.top + row)
    return isDouble ? perform(.openDetail, seconds: 0) : []
  }

  /// Moves the cursor of the list in front to `item`; a double click does what Enter does there.
  mutating func click(item: Int, isDouble: Bool) -> [WorkbenchEffect] {
    guard item >= 0, let effects = moveCursor(to: item) else { return [] }
    // Enter in a comparison takes all of the other plan, which is more than the entry clicked.
    let accepts = isDouble && (overlay != nil || page != .compare)
    return accepts ? effects + perform(.confirm, seconds: 0) : effects
  }

  /// `nil` where no list is in front.
  private mutating func moveCursor(to item: Int) -> [WorkbenchEffect]? {
    switch overlay {
    case .formats(var picker)? where picker.choices.indices.contains(item):
      picker.cursor = item
      overlay = .formats(picker)
    case .methods(var picker)? where picker.options.indices.contains(item):
      picker.cursor = item
      overlay = .methods(picker)
    case .palette(var palette)? where palette.matches.indices.contains(item):
      palette.cursor = item
      overlay = .palette(palette)
    case .themes(var picker)? where picker.names.indices.contains(item):
      picker.cursor = item
      overlay = .themes(picker)
      return show(theme: picker.names[item])
    case nil where opening == .choosing: movePicker(to: item)
    case nil where page != nil: moveCursor(onPageTo: item)
    default: return nil
    }
    return []
  }

  private mutating func moveCursor(onPageTo item: Int) {
    switch page {
    case .compare: moveInComparison(to: item)
    case .history: moveInHistory(to: item)
    case .jobs: jobCursor = min(item, max(jobs.count - 1, 0))
    case .heat:
      let columns = max(heat?.grid.roles.count ?? 1, 1)
      moveInHeat(row: item / columns, column: item % columns)
    case .detail, .frontier, nil: break
    }
  }

  mutating func turnWheel(_ rows: Int) -> [WorkbenchEffect] {
    let clamped = min(max(rows, -100), 100)
    let command: Command = clamped < 0 ? .moveUp : .moveDown
    return (0..<abs(clamped)).flatMap { _ in perform(command, seconds: 0) }
  }
}
