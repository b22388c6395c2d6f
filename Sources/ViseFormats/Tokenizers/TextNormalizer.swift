import Foundation

/// One change a `tokenizer.json` makes to a text before it is cut.
enum TextNormalizer: Sendable {
  case nfc, nfd, nfkc, nfkd
  case lowercase
  case prepend([UInt8])
  case replace([UInt8], with: [UInt8])
  /// Runs of two or more spaces.
  case replaceSpaceRuns(with: [UInt8])
  case strip(left: Bool, right: Bool)
  case characterMap(CharacterMap)

  func apply(_ text: [UInt8]) -> [UInt8] {
    switch self {
    case .nfc: Self.utf8(text) { $0.precomposedStringWithCanonicalMapping }
    case .nfd: Self.utf8(text) { $0.decomposedStringWithCanonicalMapping }
    case .nfkc: Self.utf8(text) { $0.precomposedStringWithCompatibilityMapping }
    case .nfkd: Self.utf8(text) { $0.decomposedStringWithCompatibilityMapping }
    case .lowercase: Self.utf8(text) { $0.lowercased() }
    case .prepend(let prefix): text.isEmpty ? text : prefix + text
    case .replace(let pattern, let content):
      Self.replace(in: text, with: content) { $0.starts(with: pattern) ? pattern.count : 0 }
    case .replaceSpaceRuns(let content):
      Self.replace(in: text, with: content) {
        let run = $0.prefix { $0 == UInt8(ascii: " ") }.count
        return run >= 2 ? run : 0
      }
    case .strip(let left, let right): Self.strip(text, left: left, right: right)
    case .characterMap(let map): Self.apply(map, to: text)
    }
  }

  private static func utf8(_ text: [UInt8], _ change: (String) -> String) -> [UInt8] {
    if text.allSatisfy({ $0 < 0x80 && !(0x41...0x5A).contains($0) }) { return text }
    return Array(change(String(decoding: text, as: UTF8.self)).utf8)
  }

  /// Replaces each stretch for which `match` gives a length above zero.
  private static func replace(
    in text: [UInt8], with content: [UInt8], match: (ArraySlice<UInt8>) -> Int
  ) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      let length = match(text[index...])
      if length > 0 {
        result += content
        index += length
      } else {
        result.append(text[index])
        index += 1
      }
    }
    return result
  }

  private static func strip(_ text: [UInt8], left: Bool, right: Bool) -> [UInt8] {
    var scalars = Substring(String(decoding: text, as: UTF8.self)).unicodeScalars
    if left { scalars = scalars.drop { $0.properties.isWhitespace } }
    while right, let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
    return Array(String(String.UnicodeScalarView(scalars)).utf8)
  }

  /// Applies compiled rules to each grapheme of up to five bytes, then to its characters.
  ///
  /// The shortest rule that fits a prefix replaces the whole, as the reference has it.
  private static func apply(_ map: CharacterMap, to text: [UInt8]) -> [UInt8] {
    func replacement(_ part: some Sequence<UInt8>) -> ArraySlice<UInt8>? {
      var found: ArraySlice<UInt8>?
      Array(part).withUnsafeBytes {
        guard !$0.isEmpty else { return }
        map.forEachMatch(in: $0, from: 0) { _, rule in found = found ?? rule }
      }
      return found
    }
    var result: [UInt8] = []
    for grapheme in String(decoding: text, as: UTF8.self) {
      if grapheme.utf8.count < 6, let found = replacement(grapheme.utf8) {
        result += found
        continue
      }
      for scalar in grapheme.unicodeScalars {
        let utf8 = Array(UTF8.encode(scalar) ?? .init())
        result += replacement(utf8).map(Array.init) ?? utf8
      }
    }
    return result
  }
}

/// The bytes that Base64 text stands for.
func decodeBase64(_ text: String) -> [UInt8]? {
  Data(base64Encoded: text).map(Array.init)
}
