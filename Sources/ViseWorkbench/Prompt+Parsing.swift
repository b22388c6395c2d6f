import ViseCompression

/// A reason what was typed is no edit.
struct PromptFault: Error {
  let reason: String
}

extension Prompt {
  /// The edit the text asks for; `fullRank` is what shares of a rank are of.
  func intent(fullRank: Int) throws(PromptFault) -> EditIntent {
    let text = field.text.split(separator: " ").joined(separator: " ")
    let isOff = ["off", "none", "0"].contains(text.lowercased())
    switch kind {
    case .prune: return .prune(isOff ? nil : try Self.sparsity(text))
    case .rank: return isOff ? .rank(nil) : try Self.rank(text, fullRank)
    case .treatment: return .treatment(try Self.treatment(text))
    case .limit, .planFile, .stateName, .modelPath:
      throw PromptFault(reason: "\(kind.label) is no edit")
    }
  }

  private static func sparsity(_ text: String) throws(PromptFault) -> Sparsity {
    if text.hasPrefix("channels "), let share = share(String(text.dropFirst(9))), share > 0,
      share <= 1
    {
      return Sparsity(ratio: share, pattern: .channels)
    }
    if let pattern = Sparsity.Pattern(name: text), case .nOfM = pattern {
      return Sparsity(ratio: 0, pattern: pattern)
    }
    guard let share = share(text), share > 0, share < 1 else {
      throw PromptFault(reason: "expected \(PromptKind.prune.example)")
    }
    return Sparsity(ratio: share)
  }

  private static func rank(_ text: String, _ fullRank: Int) throws(PromptFault) -> EditIntent {
    if text.hasSuffix("%"), let share = share(text), share > 0, share < 1 {
      return .rank(max(Int((share * Double(fullRank)).rounded()), 1))
    }
    let name = text.split(separator: " ").joined(separator: ":")
    switch RankRule(name: name) {
    case .fixed(let rank): return .rank(rank)
    case .some(let rule): return .rankRule(rule)
    case nil: throw PromptFault(reason: "expected \(PromptKind.rank.example)")
    }
  }

  /// A percentage as a share; numbers of 1 or more without a sign are percent too.
  private static func share(_ text: String) -> Double? {
    if text.hasSuffix("%") { return Double(text.dropLast()).map { $0 / 100 } }
    return Double(text).map { $0 >= 1 ? $0 / 100 : $0 }
  }

  private static func treatment(_ text: String) throws(PromptFault) -> Treatment {
    if let treatment = Treatment(name: text) { return treatment }
    var settings = TreatmentSettings()
    let words = text.split(separator: " ").map {
      $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    }
    do throws(TreatmentSettings.Fault) {
      for word in words where word.count == 2 { try settings.set(word[0], to: word[1]) }
      _ = try settings.treatment()
    } catch {
      throw PromptFault(reason: sentence(error))
    }
    throw PromptFault(reason: "expected settings \(PromptKind.treatment.example)")
  }

  private static func sentence(_ fault: TreatmentSettings.Fault) -> String {
    switch fault {
    case .unknownKey(let key):
      "\(key) is no setting; there are \(TreatmentSettings.keys.joined(separator: ", "))"
    case .badValue(let key, let value, let expected): "\(key)=\(value): expected \(expected)"
    }
  }
}
