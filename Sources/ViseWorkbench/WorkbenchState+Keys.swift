import ViseCompression
import ViseEstimates

extension WorkbenchState {
  /// Finds what `key` means where the user is, and does it.
  mutating func press(_ key: KeyPress, seconds: Double) -> [WorkbenchEffect] {
    let context = context
    if let first = prefix {
      prefix = nil
      guard let command = KeyTable.command(for: [first, key], in: context) else {
        return key.code == .escape ? [] : refuse("\(first.label)\(key.label) is no command")
      }
      return perform(command, seconds: seconds)
    }
    if let command = KeyTable.command(for: [key], in: context) {
      return perform(command, seconds: seconds)
    }
    if KeyTable.isPrefix(key, in: context) {
      prefix = key
      return []
    }
    return type(key)
  }

  /// Gives a key no command took to the text field in focus.
  private mutating func type(_ key: KeyPress) -> [WorkbenchEffect] {
    switch overlay {
    case .export(var dialog)? where dialog.pathState != .exists:
      if dialog.path.apply(key) { dialog.pathState = .unchecked }
      overlay = .export(dialog)
    case .prompt(var prompt)?:
      if prompt.field.apply(key) { prompt.problem = nil }
      overlay = .prompt(prompt)
    case .palette(var palette)?:
      if palette.field.apply(key) { palette.cursor = 0 }
      overlay = .palette(palette)
    case nil where list.filterField != nil:
      if list.filterField?.apply(key) == true { refreshList() }
    default: break
    }
    return []
  }

  /// Does what `command` says, whichever way it was asked for.
  mutating func perform(_ command: Command, seconds: Double) -> [WorkbenchEffect] {
    if command != .interrupt { lastInterrupt = nil }
    switch command {
    case .suspend: return [.suspend]
    case .redraw: return [.redraw]
    case .interrupt: return interrupt(seconds: seconds)
    case .quitNow: return [.quit(exitCode: 0)]
    default: break
    }
    switch overlay {
    case nil:
      if opening == .choosing { return performInPicker(command) }
      if let page { return perform(command, on: page) }
      return list.filterField == nil ? performOnBench(command) : performInFilter(command)
    case .formats(let picker)?: return perform(command, in: picker)
    case .methods(let picker)?: return perform(command, in: picker)
    case .prompt(let prompt)?: return perform(command, in: prompt)
    case .export(let dialog)?: return perform(command, in: dialog)
    case .palette(let palette)?: return perform(command, in: palette)
    case .help(let top)?: return read(command, top: top) { .help(top: $0) }
    case .log(let top)?: return read(command, top: top) { .log(top: $0) }
    case .themes(let picker)?: return perform(command, in: picker)
    case .search?: return performInSearch(command)
    case .quit?: return performInQuit(command)
    case .resume(let offer)?: return perform(command, in: offer)
    }
  }

  mutating func performOnBench(_ command: Command) -> [WorkbenchEffect] {
    if let reason = reasonDisabled(command) { return refuse(reason) }
    switch command {
    case .setBits(let bits): return edit(.bits(bits))
    case .keep: return edit(.keep)
    case .fewerBits: return edit(.step(-1))
    case .moreBits: return edit(.step(1))
    case .repeatEdit: return lastIntent.map { edit($0) } ?? []
    case .pruneBy(let percent): return edit(.pruneStep(percent))
    case .lowerRank: return edit(.rankStep(-1))
    case .raiseRank: return edit(.rankStep(1))
    case .undo: return undo()
    case .redo: return redo()
    case .openFormats: openFormats()
    case .openMethods: openMethods()
    case .openPrompt(let kind): openPrompt(kind)
    case .fitNow: return fit()
    case .openSearch: return openSearch()
    case .openFrontier: return openFrontier()
    case .openDetail: open(.detail)
    case .openCompare: return openComparison()
    case .openHistory: openHistory()
    case .openHeat: openHeat()
    case .switchPlans: return switchPlans()
    case .openJobs: openJobs()
    case .openExport: openExport()
    case .openPalette: overlay = .palette(Palette())
    case .openHelp: overlay = .help(top: 0)
    case .openLog: overlay = .log(top: max(log.count - reading.rowCount, 0))
    case .copyTreatment: copyTreatment()
    case .pasteTreatment: return copiedTreatment.map { edit(.treatment($0)) } ?? []
    case .moveToCostliest: moveToCostliest()
    case .markAlike: markAlike()
    case .openThemes: overlay = .themes(ThemePicker(names: themeNames, current: theme))
    case .quit: return quit()
    case .cancel where summary == nil: return chooseAgain()
    case .togglePause:
      isPaused.toggle()
      message = .note(isPaused ? "engine paused (P goes on)" : "engine goes on")
      return [.send(.setPaused(isPaused))]
    case .toggleMouse:
      isMouseEnabled.toggle()
      message = .note(isMouseEnabled ? "mouse on (shift-drag still selects)" : "mouse off")
      return [.setMouse(isMouseEnabled)]
    case .copyPlanLine: return copyPlanLine()
    default: performInList(command)
    }
    return []
  }

  private mutating func performInList(_ command: Command) {
    switch command {
    case .moveUp: list.move(to: list.cursor - 1)
    case .moveDown: list.move(to: list.cursor + 1)
    case .halfPageUp: list.move(to: list.cursor - max(list.rowCount / 2, 1))
    case .halfPageDown: list.move(to: list.cursor + max(list.rowCount / 2, 1))
    case .pageUp: list.move(to: list.cursor - list.rowCount)
    case .pageDown: list.move(to: list.cursor + list.rowCount)
    case .moveToTop: list.move(to: 0)
    case .moveToBottom: list.move(to: list.shown.count - 1)
    case .toggleMark: toggleMark()
    case .startRange: toggleRange()
    case .markShown: list.marks.formUnion(list.shown)
    case .clearMarks:
      list.marks = []
      list.rangeStart = nil
    case .filter: list.filterField = TextField(list.filter)
    case .sortNext: sort(by: nextOrder(), reversed: list.isReversed)
    case .sortReverse: sort(by: list.order, reversed: !list.isReversed)
    case .sortBy(let order): sortByHeading(order)
    case .cancel: cancel()
    default: break
    }
  }

  private mutating func toggleMark() {
    guard let selected = list.selected else { return }
    if list.rangeStart != nil {
      list.marks.formUnion(list.range)
      list.rangeStart = nil
    } else if list.marks.remove(selected) == nil {
      list.marks.insert(selected)
    }
    list.move(to: list.cursor + 1)
  }

  private mutating func toggleRange() {
    if list.rangeStart == nil {
      list.rangeStart = list.cursor
      message = .note("range: move to its end, then edit; v or space marks it, esc drops it")
    } else {
      list.marks.formUnion(list.range)
      list.rangeStart = nil
    }
  }

  /// Esc on the bench: drops the range, else the filter, else the message.
  ///
  /// It never quits.
  private mutating func cancel() {
    if list.rangeStart != nil {
      list.rangeStart = nil
    } else if !list.filter.isEmpty {
      list.filter = ""
      refreshList()
    }
    message = nil
  }

  private func nextOrder() -> LayerOrder {
    let all = LayerOrder.allCases
    let index = all.firstIndex(of: list.order) ?? 0
    return all[(index + 1) % all.count]
  }

  /// A heading sorts by its column, then the other way round, then as the model has its layers.
  private mutating func sortByHeading(_ order: LayerOrder) {
    guard summary != nil else { return }
    if list.order != order {
      sort(by: order, reversed: false)
    } else {
      sort(by: list.isReversed ? .model : order, reversed: !list.isReversed)
    }
  }

  mutating func sort(by order: LayerOrder, reversed: Bool) {
    list.order = order
    list.isReversed = reversed
    refreshList()
    list.move(to: list.cursor)
    message = .note("sorted by \(order.rawValue)\(reversed ? ", reversed" : "")")
  }

  private mutating func performInFilter(_ command: Command) -> [WorkbenchEffect] {
    switch command {
    case .confirm: list.filter = list.filterField?.text ?? ""
    case .back: list.filter = ""
    default: return []
    }
    list.filterField = nil
    refreshList()
    if !list.filter.isEmpty {
      message = .note("\(list.shown.count) of \(sites.count) layers match (esc clears)")
    }
    return []
  }

  private func copyPlanLine() -> [WorkbenchEffect] {
    let lines = targets.map { index in
      JSONValue.string(sites[index].name).line + " = "
        + JSONValue.string(document.plan[sites[index].name].name).line
    }
    return [.copy(lines.joined(separator: "\n"))]
  }

  /// Ctrl-C: cancels the job begun last; twice within a second asks whether to quit.
  private mutating func interrupt(seconds: Double) -> [WorkbenchEffect] {
    if let lastInterrupt, seconds - lastInterrupt <= 1, seconds >= lastInterrupt {
      self.lastInterrupt = nil
      if case .resume? = overlay { return [] }
      overlay = .quit
      return []
    }
    lastInterrupt = seconds
    guard let job = jobs.last else {
      message = .note("nothing to cancel (q quits)")
      return []
    }
    message = .note("cancelling \(job.progress?.activity ?? "the job")")
    return [.send(.cancel(job: job.id))]
  }
}
