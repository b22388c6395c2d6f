/// One line of text being typed, with a cursor.
public struct TextField: Hashable, Sendable {
  /// Longest text a field takes.
  public static let capacity = 4096

  public private(set) var characters: [Character]
  /// Characters before the cursor.
  public private(set) var cursor: Int

  public init(_ text: String = "") {
    characters = Array(text.prefix(Self.capacity))
    cursor = characters.count
  }

  public var text: String { String(characters) }

  /// Applies an editing key; `false` where the key means nothing to a field.
  public mutating func apply(_ key: KeyPress) -> Bool {
    switch (key.code, key.modifiers.contains(.control)) {
    case (.character("u"), true): removeBeforeCursor(cursor)
    case (.character("w"), true): removeBeforeCursor(wordLength())
    case (.character("a"), true), (.home, _): cursor = 0
    case (.character("e"), true), (.end, _): cursor = characters.count
    case (.character("h"), true), (.backspace, _): removeBeforeCursor(1)
    case (.left, _): cursor = max(cursor - 1, 0)
    case (.right, _): cursor = min(cursor + 1, characters.count)
    case (.delete, _): if cursor < characters.count { characters.remove(at: cursor) }
    default:
      guard let character = key.typed else { return false }
      insert([character])
    }
    return true
  }

  /// Inserts pasted text without its control characters.
  public mutating func paste(_ text: String) {
    insert(text.filter { $0.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 } })
  }

  private mutating func insert(_ new: some Collection<Character>) {
    let fitting = new.prefix(Self.capacity - characters.count)
    characters.insert(contentsOf: fitting, at: cursor)
    cursor += fitting.count
  }

  private mutating func removeBeforeCursor(_ count: Int) {
    let count = min(count, cursor)
    characters.removeSubrange(cursor - count..<cursor)
    cursor -= count
  }

  /// Length of the word before the cursor, spaces and slashes after it included.
  private func wordLength() -> Int {
    var start = cursor
    while start > 0, isBreak(characters[start - 1]) { start -= 1 }
    while start > 0, !isBreak(characters[start - 1]) { start -= 1 }
    return cursor - start
  }

  private func isBreak(_ character: Character) -> Bool { character == " " || character == "/" }
}
