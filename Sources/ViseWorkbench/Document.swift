public import ViseCompression

/// What a site was given, and what had been asked for where that differs.
public struct SiteChoice: Hashable, Sendable {
  public var treatment: Treatment
  /// The format asked for, where the site could not hold it and got another.
  public var asked: NumberFormat?

  public init(_ treatment: Treatment, asked: NumberFormat? = nil) {
    self.treatment = treatment
    self.asked = asked == treatment.format ? nil : asked
  }

  public static let keep = SiteChoice(.keep)

  /// Why `site` could not hold what was asked for; `nil` where it got that.
  public func substitutionReason(for site: Site) -> String? {
    asked.flatMap {
      DefaultFormat.resolve($0, for: site, rank: treatment.lowRank?.rank)?.reason
    }
  }
}

/// One site's part of an edit.
public struct SiteChange: Hashable, Sendable {
  public let site: String
  public let choice: SiteChoice

  public init(site: String, choice: SiteChoice) {
    self.site = site
    self.choice = choice
  }
}

/// One step of the user's: undone and redone as a whole.
public struct Edit: Hashable, Sendable {
  /// What the user did, such as `3 bits`.
  public let label: String
  public let changes: [SiteChange]
  public let origin: Origin

  /// Who chose the treatments.
  public enum Origin: String, Hashable, Sendable {
    case hand
    /// A fit to limits, a search, or a measured plan that was adopted.
    case fitted
  }

  public init(label: String, changes: [SiteChange], origin: Origin = .hand) {
    self.label = label
    self.changes = changes
    self.origin = origin
  }
}

/// The plan being edited, with everything needed to go back and forth.
public struct Document: Hashable, Sendable {
  /// An edit that took effect, with what it replaced.
  struct AppliedEdit: Hashable, Sendable {
    let edit: Edit
    let before: [SiteChange]
  }

  public private(set) var plan = Plan()
  private var asked: [String: NumberFormat] = [:]
  private var done: [AppliedEdit] = []
  private var undone: [AppliedEdit] = []

  public init() {}

  public var canUndo: Bool { !done.isEmpty }
  public var canRedo: Bool { !undone.isEmpty }

  /// Edits in effect, oldest first.
  public var edits: [Edit] { done.map(\.edit) }
  /// Edits that redo would bring back, next one first.
  public var undoneEdits: [Edit] { undone.reversed().map(\.edit) }

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

  /// Applies `edit` and forgets what was undone; `false` where it changes nothing.
  public mutating func apply(_ edit: Edit) -> Bool {
    let effective = edit.changes.filter { choice(of: $0.site) != $0.choice }
    guard !effective.isEmpty else { return false }
    let before = effective.map { SiteChange(site: $0.site, choice: choice(of: $0.site)) }
    set(effective)
    let applied = Edit(label: edit.label, changes: effective, origin: edit.origin)
    done.append(AppliedEdit(edit: applied, before: before))
    undone.removeAll()
    return true
  }

  /// Applies `edit` as a step of its own even where it changes nothing, so that undo counts agree.
  mutating func record(_ edit: Edit) {
    if apply(edit) { return }
    let empty = Edit(label: edit.label, changes: [], origin: edit.origin)
    done.append(AppliedEdit(edit: empty, before: []))
    undone.removeAll()
  }

  /// Takes back the last edit and returns it.
  public mutating func undo() -> Edit? {
    guard let last = done.popLast() else { return nil }
    set(last.before)
    undone.append(last)
    return last.edit
  }

  /// Brings back the edit undone last and returns it.
  public mutating func redo() -> Edit? {
    guard let next = undone.popLast() else { return nil }
    set(next.edit.changes)
    done.append(next)
    return next.edit
  }

  private mutating func set(_ changes: [SiteChange]) {
    for change in changes {
      plan[change.site] = change.choice.treatment
      asked[change.site] = change.choice.asked
    }
  }
}
