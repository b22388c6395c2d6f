import ViseCompression

extension WorkbenchState {
  mutating func openPrompt(_ kind: PromptKind) {
    let treatment = targets.first.map { document.plan[sites[$0].name] } ?? .keep
    let text =
      switch kind {
      case .prune: treatment.sparsity?.shortName ?? ""
      case .rank: treatment.lowRank.map { "\($0.rank)" } ?? ""
      case .treatment: treatment == .keep ? "" : treatment.name
      // What is typed takes the place of the limit there is.
      case .limit, .planFile: ""
      case .modelPath: ""
      case .stateName: document.names[history.cursor] ?? ""
      }
    overlay = .prompt(Prompt(kind: kind, field: TextField(text), problem: nil))
  }

  mutating func perform(_ command: Command, in prompt: Prompt) -> [WorkbenchEffect] {
    switch command {
    case .back: overlay = nil
    case .confirm:
      do throws(PromptFault) {
        let effects = try take(prompt)
        // Comparing opens a screen of its own.
        if case .prompt? = overlay { overlay = nil }
        return effects
      } catch {
        var prompt = prompt
        prompt.problem = error.reason
        overlay = .prompt(prompt)
      }
    default: break
    }
    return []
  }

  /// Does what was typed.
  private mutating func take(_ prompt: Prompt) throws(PromptFault) -> [WorkbenchEffect] {
    let text = prompt.field.text
    switch prompt.kind {
    case .limit: return try setLimits(text)
    case .planFile: return text.isEmpty ? [] : openComparison(with: .file(text))
    case .stateName: return nameState(text)
    case .modelPath: return openModel(text)
    case .prune, .rank, .treatment:
      let full = targets.map { min(sites[$0].rows, sites[$0].columns) }.min() ?? 1
      return edit(try prompt.intent(fullRank: full))
    }
  }
}
