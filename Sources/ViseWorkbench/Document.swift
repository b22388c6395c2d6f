public import ViseCompression

/// The plan being edited, with everything needed to go back and forth.
///
/// Edits form a tree: an edit made after going back begins a branch, and the old one stays.
/// States are numbered in the order they were first reached; 0 is the model as loaded.
public struct Document: Hashable, Sendable {
  /// A state of the plan, by the edit that led to it.
  private struct State: Hashable, Sendable {
    let edit: Edit
    /// What the edit replaced.
    let before: [SiteChange]
    let parent: Int
  }

  public private(set) var plan = Plan()
  /// The number of the state the plan is in.
  public private(set) var position = 0
  /// What the user called states.
  public private(set) var names: [Int: String] = [:]
  private var asked: [String: NumberFormat] = [:]
  /// State `n` is at `n - 1`.
  private var states: [State] = []
  /// By state, the one that redo goes on to.
  private var next: [Int: Int] = [:]

  public init() {}

  public var canUndo: Bool { position > 0 }
  public var canRedo: Bool { next[position] != nil }

  /// States there are beside that of the model as loaded.
  public var stateCount: Int { states.count }

  /// Edits in effect, oldest first.
  public var edits: [Edit] { path(to: position).map { states[$0 - 1].edit } }

  /// Edits that redo would bring back, next one first.
  public var undoneEdits: [Edit] { statesAhead.map { states[$0 - 1].edit } }

  /// States that redo would lead through, next one first.
  public var statesAhead: [Int] {
    var ahead: [Int] = []
    while let state = next[ahead.last ?? position] { ahead.append(state) }
    return ahead
  }

  /// The edit that led to `state`; `nil` for the model as loaded.
  public func edit(to state: Int) -> Edit? {
    states.indices.contains(state - 1) ? states[state - 1].edit : nil
  }

  /// The state that `state` was made from; `nil` for the model as loaded.
  public func parent(of state: Int) -> Int? {
    states.indices.contains(state - 1) ? states[state - 1].parent : nil
  }

  /// States on the way from the model as loaded to `state`, itself included and 0 left out.
  public func path(to state: Int) -> [Int] {
    var path: [Int] = []
    var at = state
    while at > 0 {
      path.append(at)
      at = states[at - 1].parent
    }
    return path.reversed()
  }

  /// Sites whose treatment the user chose last, rather than a fit.
  public var sitesEditedByHand: Set<String> {
    var sites: Set<String> = []
    for edit in edits {
      let names = edit.changes.map(\.site)
      if edit.origin == .hand { sites.formUnion(names) } else { sites.subtract(names) }
    }
    return sites
  }

  /// What `site` was given.
  public func choice(of site: String) -> SiteChoice {
    SiteChoice(plan[site], asked: asked[site])
  }

  /// Applies `edit`; `false` where it changes nothing.
  public mutating func apply(_ edit: Edit) -> Bool {
    let effective = edit.changes.filter { choice(of: $0.site) != $0.choice }
    guard !effective.isEmpty else { return false }
    let before = effective.map { SiteChange(site: $0.site, choice: choice(of: $0.site)) }
    set(effective)
    grow(Edit(label: edit.label, changes: effective, origin: edit.origin), before: before)
    return true
  }

  /// Applies `edit` as a step of its own even where it changes nothing, so that undo counts agree.
  mutating func record(_ edit: Edit) {
    if apply(edit) { return }
    grow(Edit(label: edit.label, changes: [], origin: edit.origin), before: [])
  }

  private mutating func grow(_ edit: Edit, before: [SiteChange]) {
    states.append(State(edit: edit, before: before, parent: position))
    next[position] = states.count
    position = states.count
  }

  /// Takes back the last edit and returns it.
  public mutating func undo() -> Edit? {
    guard position > 0 else { return nil }
    let state = states[position - 1]
    set(state.before)
    next[state.parent] = position
    position = state.parent
    return state.edit
  }

  /// Brings back the edit undone last and returns it.
  public mutating func redo() -> Edit? {
    guard let target = next[position] else { return nil }
    let edit = states[target - 1].edit
    set(edit.changes)
    position = target
    return edit
  }

  /// Brings the plan into `state`; `false` where it is there or there is no such state.
  ///
  /// Redo then leads along the branch that was left, as far as it goes on from `state`.
  public mutating func jump(to state: Int) -> Bool {
    guard state != position, state >= 0, state <= states.count else { return false }
    let wanted = path(to: state)
    let ancestors = Set(wanted)
    while position > 0, !ancestors.contains(position) { _ = undo() }
    for step in wanted.drop(while: { $0 <= position }) {
      next[position] = step
      _ = redo()
    }
    return true
  }

  /// Calls `state` by a name of the user's; an empty one takes the name away.
  public mutating func name(_ state: Int, _ name: String) {
    guard state >= 0, state <= states.count else { return }
    names[state] = name.isEmpty ? nil : name
  }

  private mutating func set(_ changes: [SiteChange]) {
    for change in changes {
      plan[change.site] = change.choice.treatment
      asked[change.site] = change.choice.asked
    }
  }
}
