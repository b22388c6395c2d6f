public import ViseCompression

/// One line of a journal.
public enum JournalEntry: Hashable, Sendable {
  /// The session was begun on the model with this fingerprint.
  case began(fingerprint: String, path: String)
  case edited(Edit)
  case undone
  case redone
  /// The plan was brought into this state of the history.
  case jumped(to: Int)
  /// The other of two plans was gone on with.
  case switched
  /// A state of the history was given a name.
  case named(state: Int, name: String)
  /// The plan of this moment was written to `path`.
  case exported(path: String)
}

extension JournalEntry {
  /// The entry as one line of JSON, without the line's end.
  public var line: String { json.line }

  /// The entry `line` holds, or `nil` where it holds none that is understood.
  public init?(line: some StringProtocol) {
    guard let json = JSONValue.parse(line) else { return nil }
    if let fingerprint = json["model"]?.string {
      self = .began(fingerprint: fingerprint, path: json["path"]?.string ?? "")
    } else if let label = json["edit"]?.string, let changes = json["sites"]?.array {
      let parsed = changes.compactMap(Self.change)
      guard parsed.count == changes.count else { return nil }
      let origin = json["by"]?.string.flatMap(Edit.Origin.init(rawValue:)) ?? .hand
      self = .edited(Edit(label: label, changes: parsed, origin: origin))
    } else if let path = json["exported"]?.string {
      self = .exported(path: path)
    } else if let state = Self.number(json["jump"]) {
      self = .jumped(to: state)
    } else if let state = Self.number(json["of"]), let name = json["name"]?.string {
      self = .named(state: state, name: name)
    } else if json["step"]?.string == "undo" {
      self = .undone
    } else if json["step"]?.string == "redo" {
      self = .redone
    } else if json["step"]?.string == "switch" {
      self = .switched
    } else {
      return nil
    }
  }

  private var json: JSONValue {
    switch self {
    case .began(let fingerprint, let path):
      .object(["journal": .number(1), "model": .string(fingerprint), "path": .string(path)])
    case .edited(let edit):
      Self.json(of: edit)
    case .undone: .object(["step": .string("undo")])
    case .redone: .object(["step": .string("redo")])
    case .switched: .object(["step": .string("switch")])
    case .jumped(let state): .object(["jump": .number(Double(state))])
    case .named(let state, let name):
      .object(["of": .number(Double(state)), "name": .string(name)])
    case .exported(let path): .object(["exported": .string(path)])
    }
  }

  private static func number(_ value: JSONValue?) -> Int? {
    guard let number = value?.number else { return nil }
    return Int(exactly: number)
  }

  private static func json(of edit: Edit) -> JSONValue {
    var members = ["edit": JSONValue.string(edit.label)]
    members["sites"] = .array(edit.changes.map(Self.json))
    if edit.origin != .hand { members["by"] = .string(edit.origin.rawValue) }
    return .object(members)
  }

  private static func json(of change: SiteChange) -> JSONValue {
    var members = ["to": JSONValue.string(change.choice.treatment.name)]
    members["site"] = .string(change.site)
    if let asked = change.choice.asked { members["asked"] = .string(asked.name) }
    return .object(members)
  }

  private static func change(from json: JSONValue) -> SiteChange? {
    guard let site = json["site"]?.string,
      let treatment = json["to"]?.string.flatMap(Treatment.init(name:))
    else { return nil }
    let asked = json["asked"]?.string.flatMap(NumberFormat.init(name:))
    return SiteChange(site: site, choice: SiteChoice(treatment, asked: asked))
  }
}

/// Everything the user did in a session: autosave, undo history and replay in one list.
public struct Journal: Hashable, Sendable {
  public let fingerprint: String
  /// Where the model was when the session began.
  public let path: String
  public let entries: [JournalEntry]
  /// Lines that could not be understood; a last line cut short by a crash is not counted.
  public let skippedLineCount: Int
  /// Bytes of the whole lines; what follows is a line cut short.
  public let intactByteCount: Int

  /// The journal in a file's `bytes`, or `nil` where its first line does not begin one.
  public init?(bytes: [UInt8]) {
    let newline = UInt8(ascii: "\n")
    let intact = bytes[..<(bytes.lastIndex(of: newline).map { $0 + 1 } ?? 0)]
    let lines = intact.split(separator: newline).map { String(decoding: $0, as: UTF8.self) }
    guard let first = lines.first,
      case .began(let fingerprint, let path)? = JournalEntry(line: first)
    else { return nil }
    let parsed = lines.dropFirst().map { JournalEntry(line: $0) }
    self.fingerprint = fingerprint
    self.path = path
    entries = parsed.compactMap { $0 }
    skippedLineCount = parsed.count - entries.count
    intactByteCount = intact.count
  }

  /// The document the entries lead to, for the sites of a model.
  ///
  /// Edits of sites the model does not have, or that do not suit them, are left out.
  public func document(for sites: [Site]) -> Document { plans(for: sites).current }

  /// As `document`, with the plan that was put aside.
  func plans(for sites: [Site]) -> JournalPlans { Self.plans(entries[...], sites) }

  private static func plans(_ entries: ArraySlice<JournalEntry>, _ sites: [Site]) -> JournalPlans {
    var plans = JournalPlans()
    let byName = Dictionary(sites.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for entry in entries { plans.replay(entry, sites: byName) }
    return plans
  }

  /// The plan of the last export, or `nil` where there was none.
  public func exportedPlan(for sites: [Site]) -> Plan? {
    guard let last = entries.lastIndex(where: { if case .exported = $0 { true } else { false } })
    else { return nil }
    return Self.plans(entries[..<last], sites).current.plan
  }
}

extension Document {
  /// Does again what `entry` recorded.
  mutating func replay(_ entry: JournalEntry, sites: [String: Site]) {
    switch entry {
    case .began, .exported, .switched: break
    case .undone: _ = undo()
    case .redone: _ = redo()
    case .jumped(let state): _ = jump(to: state)
    case .named(let state, let name): self.name(state, name)
    case .edited(let edit):
      let valid = edit.changes.filter { change in
        guard let site = sites[change.site] else { return false }
        return change.choice.treatment.problem(for: site) == nil
      }
      record(Edit(label: edit.label, changes: valid, origin: edit.origin))
    }
  }
}
