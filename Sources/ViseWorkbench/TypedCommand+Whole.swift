import ViseCompression
import ViseEstimates

/// A file's name with options after or before it.
struct FileWords {
  let path: String
  private let options: Set<String>

  init(_ text: String, allowing known: [String]) throws(PromptFault) {
    let words = text.split(separator: " ")
    let options = words.filter { $0.hasPrefix("--") }.map(String.init)
    if let other = options.first(where: { !known.contains($0) }) {
      throw PromptFault(reason: "there is \(known.joined(separator: ", ")), but no \(other)")
    }
    self.options = Set(options)
    // Names may have spaces in them.
    path = words.filter { !$0.hasPrefix("--") }.joined(separator: " ")
  }

  func has(_ option: String) -> Bool { options.contains(option) }
}

extension TypedCommand.Verb {
  /// Options a command that names a file takes.
  fileprivate var fileOptions: [String] {
    switch self {
    case .export: ["--dry-run"]
    case .save, .screenshot: ["--overwrite"]
    default: []
    }
  }
}

/// Commands about the plan, or about the screen, rather than about layers.
extension WorkbenchState {
  /// Why such a command cannot be done as it is typed so far.
  func problemOfWhole(_ command: TypedCommand) -> String? {
    let value = command.value
    do throws(PromptFault) {
      switch command.verb {
      case .fit, .search:
        guard let summary else { return "no model is open" }
        if command.verb == .search, let reason = summary.evaluationUnavailable {
          return "quality cannot be evaluated: \(reason)"
        }
        return try parsedLimits(value, summary).isEmpty ? command.verb.usage : nil
      case .preset:
        let known = presetNames.joined(separator: ", ")
        return presetNames.contains(value) ? nil : "\(command.verb.usage); there are \(known)"
      case .theme:
        let known = themeNames.joined(separator: ", ")
        return themeNames.contains(value) ? nil : "\(command.verb.usage); there are \(known)"
      case .sort: return Self.order(value) == nil ? command.verb.usage : nil
      case .export:
        _ = try FileWords(value, allowing: command.verb.fileOptions)
        return nil
      default:
        let words = try FileWords(value, allowing: command.verb.fileOptions)
        return words.path.isEmpty ? command.verb.usage : nil
      }
    } catch {
      return error.reason
    }
  }

  /// What Enter would do, for the palette.
  public func promise(of command: TypedCommand) -> String {
    let value = command.value
    let words = try? FileWords(value, allowing: command.verb.fileOptions)
    let path = words?.path ?? ""
    switch command.verb {
    case .fit: return "fits the plan to \(value)"
    case .search: return "searches for the best plan within \(value)"
    case .preset: return "takes the mix \(value) as one edit"
    case .plan: return "takes the plan in \(path) as one edit"
    case .save: return "writes the plan to \(path)"
    case .export:
      let file = path.isEmpty ? suggestedExportPath : path
      return words?.has("--dry-run") == true
        ? "says what would be written to \(file)" : "exports to \(file)"
    case .sort: return "sorts by \(value)"
    case .theme: return "shows \(value)"
    case .screenshot: return "saves this screen to \(path)"
    case .bits, .format, .prune, .rank, .treat, .keep, .mark:
      let count = targets(of: command).count
      return count == 1 ? "1 layer" : "\(count) layers"
    }
  }

  mutating func performWhole(_ command: TypedCommand) -> [WorkbenchEffect] {
    let value = command.value
    let words = try? FileWords(value, allowing: command.verb.fileOptions)
    let path = words?.path ?? ""
    let overwrite = words?.has("--overwrite") ?? false
    switch command.verb {
    case .fit: return fit(to: value)
    case .search: return search(within: value)
    case .preset: return adoptPlan(from: .preset(value))
    case .plan: return adoptPlan(from: .file(path))
    case .save: return [.savePlan(document.plan, path: path, overwrite: overwrite)]
    case .export: return export(to: path, isDry: words?.has("--dry-run") ?? false)
    case .sort:
      if let (order, isReversed) = Self.order(value) { sort(by: order, reversed: isReversed) }
      return []
    case .theme: return show(theme: value)
    case .screenshot: return [.saveScreen(path: path, overwrite: overwrite)]
    case .bits, .format, .prune, .rank, .treat, .keep, .mark: return []
    }
  }

  private static func order(_ text: String) -> (LayerOrder, isReversed: Bool)? {
    let words = text.split(separator: " ").map(String.init)
    guard let first = words.first, let order = LayerOrder(rawValue: first) else { return nil }
    guard words.count > 1 else { return (order, false) }
    return words.count == 2 && words[1] == "reversed" ? (order, true) : nil
  }

  private mutating func search(within text: String) -> [WorkbenchEffect] {
    do throws(PromptFault) {
      return try setLimits(text) + openSearch()
    } catch {
      return refuse(error.reason)
    }
  }

  /// Takes a plan as one edit once it is found.
  private mutating func adoptPlan(from source: PlanSource) -> [WorkbenchEffect] {
    awaitedPlan = source
    return [.findPlan(source)]
  }

  /// Takes the plan that was asked for by a command.
  mutating func adoptAwaited(_ answer: PlanAnswer) -> [WorkbenchEffect] {
    let title = awaitedPlan?.title ?? "plan"
    awaitedPlan = nil
    switch answer {
    case .found(let plan): return adopt(plan, label: title)
    case .refused(let reason): return refuse(reason)
    }
  }

  /// Exports without the dialog, which comes up where there is something to ask.
  private mutating func export(to path: String, isDry: Bool) -> [WorkbenchEffect] {
    let file = path.isEmpty ? suggestedExportPath : path
    if isDry {
      dryRunPath = file
    } else {
      overlay = .export(ExportDialog(path: TextField(file), pathState: .checking))
    }
    return [.checkExportPath(file)]
  }

  /// Says what exporting to `path` would write; what is replaced goes to the log, layer by layer.
  mutating func reportDryRun(_ path: String, exists: Bool, problem: String?) -> [WorkbenchEffect] {
    dryRunPath = nil
    if let problem { return refuse("nothing could be written: \(problem)") }
    guard let byteCount = plannedByteCount else { return refuse("no model is open") }
    let replaced = sites.filter { document.choice(of: $0.name).asked != nil }
    for site in replaced {
      let choice = document.choice(of: site.name)
      let reason = choice.substitutionReason(for: site).map { ": \($0)" } ?? ""
      appendToLog(
        "dry run: \(site.name) \(choice.asked?.name ?? "") → \(choice.treatment.name)\(reason)")
    }
    let treated = sites.count { document.plan.change(of: $0) != nil }
    // What is told last is what narrow screens may cut.
    var text = "dry run: \(byteCount) bytes of \(exportTarget.rawValue)"
    text += ", \(treated) of \(sites.count) layers treated"
    text += replaced.isEmpty ? "" : ", \(replaced.count) ≠ as asked (L lists them)"
    text += ", to \(path)" + (exists ? ", which exists" : "")
    appendToLog(text)
    message = .note(text)
    return []
  }
}
