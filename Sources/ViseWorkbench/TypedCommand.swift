import ViseCompression
import ViseEstimates

/// A command typed in full: a verb, patterns of layers' names where it is for layers, and a value.
public struct TypedCommand: Hashable, Sendable {
  /// What is done.
  public enum Verb: String, CaseIterable, Hashable, Sendable {
    // With the layers that patterns name.
    case bits, format, prune, rank, treat, keep, mark
    // With the whole plan.
    case fit, search, preset, plan, save, export
    // With the screen.
    case sort, theme, screenshot

    /// What may be typed after it.
    public var usage: String {
      switch self {
      case .bits: "bits PATTERN… 2-8"
      case .format: "format PATTERN… NAME"
      case .prune: "prune PATTERN… 30%, 2:4 or off"
      case .rank: "rank PATTERN… 64, 50%, elbow or off"
      case .treat: "treat PATTERN… prune=0.3,format=q4_K"
      case .keep: "keep PATTERN…"
      case .mark: "mark PATTERN…"
      case .fit: "fit 60%, 60MB, 4.5 bits, 3ms or KL 0.02"
      case .search: "search 60%, 60MB, 4.5 bits, 3ms or KL 0.02"
      case .preset: "preset NAME, such as Q4_K_M"
      case .plan: "plan FILE.toml takes that plan"
      case .save: "save FILE.toml [--overwrite] writes the plan"
      case .export: "export [FILE] [--dry-run]"
      case .sort: "sort name, role, format, bytes, sensitivity, treated or model [reversed]"
      case .theme: "theme NAME"
      case .screenshot: "screenshot FILE.svg, .ans or .txt [--overwrite]"
      }
    }

    var takesValue: Bool { self != .keep && self != .mark }
    /// Whether it is for the layers that patterns name; else it is for the whole plan.
    var takesPatterns: Bool {
      [.bits, .format, .prune, .rank, .treat, .keep, .mark].contains(self)
    }
  }

  public let verb: Verb
  let patterns: [String]
  let value: String

  /// `nil` where the first word is no verb; the rest may still be missing.
  public init?(_ text: String) {
    var words = text.split(separator: " ").map { Self.unquoted(String($0)) }
    guard text.contains(" "), let first = words.first, let verb = Verb(rawValue: first) else {
      return nil
    }
    words.removeFirst()
    self.verb = verb
    guard verb.takesPatterns else {
      (patterns, value) = ([], words.joined(separator: " "))
      return
    }
    value = verb.takesValue && words.count > 1 ? words.removeLast() : ""
    patterns = words
  }

  /// Shells teach people to quote patterns.
  private static func unquoted(_ word: String) -> String {
    for quote in ["'", "\""]
    where word.count > 1 && word.hasPrefix(quote) && word.hasSuffix(quote) {
      return String(word.dropFirst().dropLast())
    }
    return word
  }

  /// The edit it asks for; `fullRank` is what shares of a rank are of.
  func intent(fullRank: Int) throws(PromptFault) -> EditIntent {
    switch verb {
    case .keep, .mark: return .keep
    case .bits:
      guard let bits = Int(value), DefaultFormat.bitWidths.contains(bits) else {
        let known = DefaultFormat.bitWidths.map(String.init).joined(separator: ", ")
        throw PromptFault(reason: "bits are \(known), not \(value)")
      }
      return .bits(bits)
    case .format:
      guard let format = NumberFormat(name: value) else {
        throw PromptFault(reason: "\(value) is no format; f lists them")
      }
      return .format(format)
    case .prune: return try prompt(.prune, value).intent(fullRank: fullRank)
    case .rank: return try prompt(.rank, value).intent(fullRank: fullRank)
    case .treat:
      let settings = value.replacing(",", with: " ")
      return try prompt(.treatment, settings).intent(fullRank: fullRank)
    case .fit, .search, .preset, .plan, .save, .export, .sort, .theme, .screenshot:
      // These are about no layer of their own.
      return .keep
    }
  }

  private func prompt(_ kind: PromptKind, _ text: String) -> Prompt {
    Prompt(kind: kind, field: TextField(text), problem: nil)
  }
}

extension WorkbenchState {
  /// Indices of the layers `command` is for, in the model's order.
  public func targets(of command: TypedCommand) -> [Int] {
    guard !command.patterns.isEmpty else { return [] }
    let glob = LayerGlob(command.patterns)
    return sites.filter { glob.contains($0) }.map(\.index)
  }

  /// Why `command` cannot be done as it is typed so far; `nil` where it can.
  public func problem(of command: TypedCommand) -> String? {
    guard summary != nil else { return "no model is open" }
    if !command.verb.takesPatterns { return problemOfWhole(command) }
    if command.patterns.isEmpty || (command.verb.takesValue && command.value.isEmpty) {
      return command.verb.usage
    }
    let targets = targets(of: command)
    if targets.isEmpty { return "no layer fits \(command.patterns.joined(separator: " "))" }
    do throws(PromptFault) {
      _ = try command.intent(fullRank: fullRank(of: targets))
      return nil
    } catch {
      return error.reason
    }
  }

  /// Does what was typed, as one edit.
  mutating func perform(_ command: TypedCommand) -> [WorkbenchEffect] {
    if let problem = problem(of: command) { return refuse(problem) }
    if !command.verb.takesPatterns { return performWhole(command) }
    let targets = targets(of: command)
    if command.verb == .mark {
      list.marks = Set(targets)
      message = .note("\(targets.count) layers marked; edits apply to them (A clears)")
      return []
    }
    do throws(PromptFault) {
      return edit(try command.intent(fullRank: fullRank(of: targets)), on: targets)
    } catch {
      return refuse(error.reason)
    }
  }

  private func fullRank(of targets: [Int]) -> Int {
    targets.map { min(sites[$0].rows, sites[$0].columns) }.min() ?? 1
  }
}
