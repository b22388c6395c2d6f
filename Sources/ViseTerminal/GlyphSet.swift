/// The characters screens are drawn with.
///
/// Layout is the same in every set.
public enum GlyphSet: String, CaseIterable, Hashable, Sendable {
  case unicode, ascii

  /// What stands for `scalar` in this set, `?` for text that has no twin.
  func twin(of scalar: Unicode.Scalar) -> Unicode.Scalar {
    if self == .unicode || scalar.isASCII { return scalar }
    return Self.asciiTwins[scalar] ?? "?"
  }

  /// Every character Vise draws that is not ASCII, and what stands for it there.
  static let asciiTwins: [Unicode.Scalar: Unicode.Scalar] = [
    "─": "-", "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "+", "┤": "+",
    "▸": ">", "▾": "v", "▴": "^", "●": "o", "○": "o", "•": "*", "·": ".", "…": "~", "◆": "@",
    "▁": ".", "▂": ":", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "%", "█": "#",
    "▏": ".", "▎": ":", "▍": ":", "▌": "=", "▋": "=", "▊": "%", "▉": "%", "░": ".",
    "┣": "[", "┫": "]", "━": "=", "┃": "!", "╎": ":",
    "×": "x", "÷": "/", "±": "~", "≈": "~", "≠": "!", "≤": "<", "≥": ">", "→": ">",
    "Δ": "d", "−": "-",
  ]
}
