public import ViseWorkbench

/// Keys to press, one after the other, as a person writes them: `jj3<enter><wait>`.
///
/// Characters stand for themselves; names in angle brackets for other keys, `<C-r>` for a letter with
/// Control, `<lt>` for the bracket itself, and `<wait>` for waiting until nothing is under way.
public struct KeyScript: Hashable, Sendable {
  /// One step.
  public enum Step: Hashable, Sendable {
    case press(KeyPress)
    case wait
  }

  public let steps: [Step]

  /// A name in brackets that is no key, or a bracket that is not closed.
  public struct Problem: Error, Hashable, Sendable {
    public let text: String
  }

  private static let names: [String: KeyPress.Code] = [
    "enter": .enter, "esc": .escape, "tab": .tab, "bs": .backspace, "del": .delete,
    "up": .up, "down": .down, "left": .left, "right": .right, "home": .home, "end": .end,
    "pageup": .pageUp, "pagedown": .pageDown, "space": .character(" "), "lt": .character("<"),
  ]

  public init(_ text: String) throws(Problem) {
    var steps: [Step] = []
    var rest = text[...]
    while let first = rest.first {
      guard first == "<" else {
        steps.append(.press(KeyPress(first)))
        rest.removeFirst()
        continue
      }
      guard let close = rest.firstIndex(of: ">") else { throw Problem(text: String(rest)) }
      let name = rest[rest.index(after: rest.startIndex)..<close]
      steps.append(try Self.step(String(name)))
      rest = rest[rest.index(after: close)...]
    }
    self.steps = steps
  }

  private static func step(_ name: String) throws(Problem) -> Step {
    if name == "wait" { return .wait }
    if let code = names[name.lowercased()] { return .press(KeyPress(code)) }
    guard name.count == 3, name.hasPrefix("C-"), let letter = name.last, letter.isASCII,
      letter.isLetter
    else { throw Problem(text: "<\(name)>") }
    return .press(.control(Character(letter.lowercased())))
  }
}
