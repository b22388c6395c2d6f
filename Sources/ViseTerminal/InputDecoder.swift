import ViseWorkbench

/// Turns a terminal's bytes into events, however the bytes are cut into pieces.
///
/// Sequences that are no key are swallowed, never typed.
public struct InputDecoder: Sendable {
  /// Longest paste kept; the rest is dropped.
  public static let pasteCapacity = 1 << 20
  private static let sequenceCapacity = 128
  private static let stringCapacity = 1 << 16

  private var pending: [UInt8] = []
  private var paste: [UInt8]?

  public init() {}

  /// Whether a lone Esc, or a sequence's first part, is held until more bytes or `timeOut` come.
  public var isWaiting: Bool { !pending.isEmpty && paste == nil }

  /// Takes bytes and returns the events they complete.
  public mutating func feed(_ bytes: some Sequence<UInt8>) -> [InputEvent] {
    pending += bytes
    var events: [InputEvent] = []
    var position = 0
    while position < pending.count {
      let step = paste == nil ? next(at: position) : pasted(at: position)
      guard let step else { break }
      position += step.length
      if let event = step.event { events.append(event) }
    }
    pending.removeFirst(position)
    return events
  }

  /// Ends the wait: a lone Esc is the key, anything cut short is dropped.
  public mutating func timeOut() -> [InputEvent] {
    guard isWaiting else { return [] }
    let isEscape = pending == [0x1B]
    pending.removeAll()
    return isEscape ? [.key(KeyPress(.escape))] : []
  }

  /// How many bytes were understood, and as what.
  private struct Step {
    let length: Int
    let event: InputEvent?

    init(_ length: Int, _ event: InputEvent? = nil) {
      self.length = length
      self.event = event
    }
  }

  private mutating func next(at start: Int) -> Step? {
    let byte = pending[start]
    switch byte {
    case 0x1B: return escape(at: start)
    case 0x00..<0x20, 0x7F: return Step(1, .key(Self.control(byte)))
    case ..<0x80: return Step(1, .key(KeyPress(Character(Unicode.Scalar(byte)))))
    default: return encoded(at: start)
    }
  }

  private static func control(_ byte: UInt8) -> KeyPress {
    switch byte {
    case 0x0D, 0x0A: KeyPress(.enter)
    case 0x09: KeyPress(.tab)
    case 0x08, 0x7F: KeyPress(.backspace)
    case 0x00: .control(" ")
    case 0x01...0x1A: .control(Character(Unicode.Scalar(byte + 0x60)))
    default: .control(Character(Unicode.Scalar(byte + 0x40)))
    }
  }

  /// A scalar of several bytes in UTF-8; bytes that are none are dropped.
  private func encoded(at start: Int) -> Step? {
    let length: Int
    switch pending[start] {
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF: length = 3
    case 0xF0...0xF4: length = 4
    default: return Step(1)
    }
    let available = pending[start..<min(start + length, pending.count)]
    if let bad = available.dropFirst().firstIndex(where: { $0 & 0xC0 != 0x80 }) {
      return Step(bad - start)
    }
    guard available.count == length else { return nil }
    guard let text = String(validating: available, as: UTF8.self), let character = text.first else {
      return Step(length)
    }
    return Step(length, .key(KeyPress(character)))
  }

  private mutating func escape(at start: Int) -> Step? {
    guard start + 1 < pending.count else { return nil }
    switch pending[start + 1] {
    case UInt8(ascii: "["): return controlSequence(at: start)
    case UInt8(ascii: "O"): return singleShift(at: start)
    case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "_"), UInt8(ascii: "^"):
      return string(at: start)
    case 0x1B: return Step(1, .key(KeyPress(.escape)))
    case let byte where byte < 0x20 || byte == 0x7F:
      let key = Self.control(byte)
      return Step(2, .key(KeyPress(key.code, key.modifiers.union(.alt))))
    case let byte where byte < 0x80:
      return Step(2, .key(KeyPress(Character(Unicode.Scalar(byte)), .alt)))
    default: return Step(1, .key(KeyPress(.escape)))
    }
  }

  /// `ESC O x`: cursor and function keys of the application mode.
  private func singleShift(at start: Int) -> Step? {
    guard start + 2 < pending.count else { return nil }
    guard (0x20..<0x7F).contains(pending[start + 2]) else { return Step(2) }
    return Step(3, Self.key(final: pending[start + 2], modifiers: []).map(InputEvent.key))
  }

  /// An answer that ends with BEL or `ESC \`; nothing we ask for comes this way.
  private func string(at start: Int) -> Step? {
    var position = start + 2
    while position < pending.count, position - start < Self.stringCapacity {
      if pending[position] == 0x07 { return Step(position + 1 - start) }
      if pending[position] == 0x1B {
        guard position + 1 < pending.count else { return nil }
        let isEnd = pending[position + 1] == UInt8(ascii: "\\")
        return Step(position - start + (isEnd ? 2 : 0))
      }
      position += 1
    }
    return position - start >= Self.stringCapacity ? Step(position - start) : nil
  }

  private mutating func controlSequence(at start: Int) -> Step? {
    var position = start + 2
    while position < pending.count, (0x20..<0x40).contains(pending[position]) {
      position += 1
      if position - start > Self.sequenceCapacity { return Step(position - start) }
    }
    guard position < pending.count else { return nil }
    let final = pending[position]
    // Another control inside ends it; that byte is looked at again.
    guard (0x40..<0x7F).contains(final) else { return Step(position - start) }
    let length = position + 1 - start
    let body = pending[start + 2..<position]
    if final == UInt8(ascii: "M"), body.isEmpty { return oldMouse(at: start) }
    if final == UInt8(ascii: "~"), body.elementsEqual("200".utf8) {
      paste = []
      return Step(length)
    }
    return Step(length, Self.event(body: body, final: final))
  }

  /// Reports of the old mouse protocol carry three more bytes, which must not be typed.
  private func oldMouse(at start: Int) -> Step? {
    start + 6 <= pending.count ? Step(6) : nil
  }

  private mutating func pasted(at start: Int) -> Step? {
    let end: [UInt8] = [0x1B, 0x5B, 0x32, 0x30, 0x31, 0x7E]
    let rest = pending[start...]
    let cut = rest.firstIndex(of: 0x1B) ?? rest.endIndex
    if cut > start {
      let space = Self.pasteCapacity - (paste?.count ?? 0)
      paste?.append(contentsOf: rest[..<cut].prefix(max(space, 0)))
      return Step(cut - start)
    }
    let head = rest.prefix(end.count)
    if head.elementsEqual(end) {
      let text = String(decoding: paste ?? [], as: UTF8.self)
      paste = nil
      return Step(end.count, .paste(text))
    }
    if end.starts(with: head) { return nil }
    paste?.append(0x1B)
    return Step(1)
  }
}

extension InputDecoder {
  /// The event of a complete control sequence; `nil` for what Vise has no use for.
  private static func event(body: ArraySlice<UInt8>, final: UInt8) -> InputEvent? {
    if body.first == UInt8(ascii: "<") {
      return mouse(numbers(body.dropFirst()), isRelease: final == UInt8(ascii: "m"))
    }
    if body.first == UInt8(ascii: "?") {
      guard final == UInt8(ascii: "y"), body.last == UInt8(ascii: "$") else { return nil }
      let values = numbers(body.dropFirst().dropLast())
      return values.count == 2 ? .modeReport(mode: values[0], value: values[1]) : nil
    }
    let values = numbers(body)
    switch final {
    case UInt8(ascii: "I") where body.isEmpty: return .focus(true)
    case UInt8(ascii: "O") where body.isEmpty: return .focus(false)
    case UInt8(ascii: "n"): return values == [0] ? .statusReport : nil
    default: break
    }
    let modifiers = modifiers(values.count > 1 ? values[1] : 1)
    switch final {
    case UInt8(ascii: "~"): return values.first.flatMap(code(number:)).map { press($0, modifiers) }
    case UInt8(ascii: "Z"): return press(.tab, .shift)
    case UInt8(ascii: "u"): return values.first.flatMap { typed(code: $0, modifiers) }
    default: return key(final: final, modifiers: modifiers).map(InputEvent.key)
    }
  }

  private static func press(_ code: KeyPress.Code, _ modifiers: KeyPress.Modifiers) -> InputEvent {
    .key(KeyPress(code, modifiers))
  }

  /// The numbers of a parameter list; huge ones saturate, sub-parameters are cut off.
  private static func numbers(_ body: ArraySlice<UInt8>) -> [Int] {
    body.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map { field in
      field.prefix(while: { (0x30..<0x3A).contains($0) })
        .reduce(0) { min($0 * 10 + Int($1 - 0x30), 1 << 24) }
    }
  }

  private static func modifiers(_ parameter: Int) -> KeyPress.Modifiers {
    KeyPress.Modifiers(rawValue: UInt8(clamping: max(parameter - 1, 0) & 7))
  }

  private static func key(final: UInt8, modifiers: KeyPress.Modifiers) -> KeyPress? {
    let code: KeyPress.Code
    switch final {
    case UInt8(ascii: "A"): code = .up
    case UInt8(ascii: "B"): code = .down
    case UInt8(ascii: "C"): code = .right
    case UInt8(ascii: "D"): code = .left
    case UInt8(ascii: "H"): code = .home
    case UInt8(ascii: "F"): code = .end
    case UInt8(ascii: "M"): code = .enter
    case UInt8(ascii: "P")...UInt8(ascii: "S"): code = .function(Int(final - 0x4F))
    default: return nil
    }
    return KeyPress(code, modifiers)
  }

  private static func code(number: Int) -> KeyPress.Code? {
    switch number {
    case 1, 7: .home
    case 2: .insert
    case 3: .delete
    case 4, 8: .end
    case 5: .pageUp
    case 6: .pageDown
    case 11...15: .function(number - 10)
    case 17...21: .function(number - 11)
    case 23, 24: .function(number - 12)
    default: nil
    }
  }

  /// A key reported by its code point.
  private static func typed(code: Int, _ modifiers: KeyPress.Modifiers) -> InputEvent? {
    switch code {
    case 13: return press(.enter, modifiers)
    case 27: return press(.escape, modifiers)
    case 9: return press(.tab, modifiers)
    case 127: return press(.backspace, modifiers)
    default:
      guard code >= 32, let scalar = Unicode.Scalar(UInt32(code)) else { return nil }
      return press(.character(Character(scalar)), modifiers.subtracting(.shift))
    }
  }

  private static func mouse(_ values: [Int], isRelease: Bool) -> InputEvent? {
    guard values.count == 3, values[1] > 0, values[2] > 0 else { return nil }
    let kind: MouseEvent.Kind
    switch values[0] & ~28 {
    case 0: kind = isRelease ? .release : .press
    case 64: kind = .wheelUp
    case 65: kind = .wheelDown
    default: return nil
    }
    return .mouse(MouseEvent(kind, column: values[1] - 1, row: values[2] - 1))
  }
}
