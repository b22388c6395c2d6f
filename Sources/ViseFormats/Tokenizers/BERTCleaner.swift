import Foundation

/// Cleans a text and cuts it at spaces and punctuation, as BERT's tokenizer does.
struct BERTCleaner: Sendable {
  private let cleansControls: Bool
  private let separatesIdeographs: Bool
  private let stripsAccents: Bool
  private let lowercases: Bool

  /// - Parameter settings: a `BertNormalizer` of a `tokenizer.json`.
  init(_ settings: JSONValue) throws(TokenizerError) {
    guard settings["type"]?.asString == "BertNormalizer" else {
      throw .unsupportedComponent(settings["type"]?.asString ?? "no normalizer")
    }
    cleansControls = settings["clean_text"]?.asBool ?? true
    separatesIdeographs = settings["handle_chinese_chars"]?.asBool ?? true
    lowercases = settings["lowercase"]?.asBool ?? true
    stripsAccents = settings["strip_accents"]?.asBool ?? lowercases
  }

  /// The words of `text`; punctuation and ideographs are words of one character.
  func words(of text: String) -> [[Unicode.Scalar]] {
    var words: [[Unicode.Scalar]] = []
    var word: [Unicode.Scalar] = []
    func endWord() {
      if !word.isEmpty { words.append(word) }
      word = []
    }
    for scalar in normalized(text) {
      if Self.isSpace(scalar) {
        endWord()
      } else if Self.isPunctuation(scalar) || (separatesIdeographs && Self.isIdeograph(scalar)) {
        endWord()
        words.append([scalar])
      } else {
        word.append(scalar)
      }
    }
    endWord()
    return words
  }

  private func normalized(_ text: String) -> [Unicode.Scalar] {
    var text = text
    if cleansControls {
      let kept = text.unicodeScalars.filter { !Self.isControl($0) }
      text = String(String.UnicodeScalarView(kept))
    }
    if stripsAccents {
      let marks = text.decomposedStringWithCanonicalMapping.unicodeScalars.filter {
        $0.properties.generalCategory != .nonspacingMark
      }
      text = String(String.UnicodeScalarView(marks))
    }
    guard lowercases else { return Array(text.unicodeScalars) }
    // Each character by itself, without rules that look at its neighbours.
    return text.unicodeScalars.flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) }
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\t", "\n", "\r": return false
    case "\0", "\u{FFFD}": return true
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .privateUse, .surrogate, .unassigned: return true
    default: return false
    }
  }

  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 33...47, 58...64, 91...96, 123...126: return true
    default: break
    }
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }

  private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
      0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}
