/// What pre-tokenizers ask of a code point.
struct UnicodeClass: OptionSet, Sendable {
  let rawValue: UInt8

  static let letter = UnicodeClass(rawValue: 1)
  static let number = UnicodeClass(rawValue: 2)
  static let whitespace = UnicodeClass(rawValue: 4)
  static let punctuation = UnicodeClass(rawValue: 8)
  /// Neither letter, number nor whitespace, assigned or not.
  static let other = UnicodeClass(rawValue: 16)
}

/// The class of every code point, as of the Unicode version the reference tokenizers use.
struct UnicodeClasses: Sendable {
  /// Classes of code points below the end of the last plane that holds letters.
  private let classes: [UInt8]
  private static let end = 0x32400

  /// Unicode 15.1, what llama.cpp's tables were made from: later letters count as unassigned.
  static let shared = UnicodeClasses(major: 15, minor: 1)

  init(major: Int, minor: Int) {
    classes = (0..<Self.end).map { value in
      guard let scalar = Unicode.Scalar(UInt32(value)) else { return UnicodeClass.other.rawValue }
      return Self.classify(scalar, major: major, minor: minor).rawValue
    }
  }

  subscript(codePoint: UInt32) -> UnicodeClass {
    codePoint < UInt32(Self.end)
      ? UnicodeClass(rawValue: classes[Int(codePoint)]) : .other
  }

  private static func classify(
    _ scalar: Unicode.Scalar, major: Int, minor: Int
  ) -> UnicodeClass {
    if isIdeographOrSyllable(scalar.value) { return .letter }
    let properties = scalar.properties
    let known: UnicodeClass
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      known = .letter
    case .decimalNumber, .letterNumber, .otherNumber:
      known = .number
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      known = [.punctuation, .other]
    case .spaceSeparator, .lineSeparator, .paragraphSeparator, .control:
      return properties.isWhitespace ? .whitespace : .other
    default:
      return .other
    }
    guard let age = properties.age, (age.major, age.minor) <= (major, minor) else { return .other }
    return known
  }

  /// The large blocks that are letters throughout, so that they need no look-up.
  private static func isIdeographOrSyllable(_ value: UInt32) -> Bool {
    (0x4E00...0x9FFC).contains(value) || (0xAC00...0xD7A3).contains(value)
      || (0x20000...0x2A6D6).contains(value)
  }
}
