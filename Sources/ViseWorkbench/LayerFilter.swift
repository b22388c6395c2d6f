import ViseCompression

/// What a filter lets through.
struct LayerFilter {
  /// What of a layer can be compared with a number.
  enum Column: String {
    case bytes, bits, kl
  }

  /// A layer as a filter sees it.
  struct Layer {
    /// Name, role, format and treatment.
    let text: String
    let isTreated: Bool
    let byteCount: Int
    let bitsPerWeight: Double
    /// At the narrowest width known, in nats.
    let klMean: Double?
  }

  private enum Term {
    case text(String)
    case treated
    case below(Column, Double)
    case above(Column, Double)
  }

  private let terms: [(term: Term, isInverse: Bool)]

  /// Words separated by spaces must all match; `!` before one inverts it.
  ///
  /// `bytes>1MB`, `bits<4` and `kl>0.01` compare, `@treated` is what the plan changes, and all else
  /// is looked for in names, roles and formats.
  init(_ text: String) {
    terms = text.lowercased().split(separator: " ").map { word in
      word.first == "!" ? (Self.term(word.dropFirst()), true) : (Self.term(word), false)
    }
  }

  private static func term(_ word: Substring) -> Term {
    if word == "@treated" { return .treated }
    guard let sign = word.firstIndex(where: { $0 == "<" || $0 == ">" }),
      let column = Column(rawValue: String(word[..<sign])),
      let value = number(word[word.index(after: sign)...])
    else { return .text(String(word)) }
    return word[sign] == "<" ? .below(column, value) : .above(column, value)
  }

  /// A number with a decimal unit of bytes, such as `1.5mb`.
  private static func number(_ text: Substring) -> Double? {
    for (unit, factor) in [("kb", 1e3), ("mb", 1e6), ("gb", 1e9)] where text.hasSuffix(unit) {
      return Double(text.dropLast(2)).map { $0 * factor }
    }
    return Double(text)
  }

  /// Whether `layer` passes; what is compared and not known does not.
  func passes(_ layer: Layer) -> Bool {
    terms.allSatisfy { term, isInverse in
      // A `!` alone is a word not typed yet.
      if case .text("") = term { return true }
      guard let fits = fits(term, layer) else { return false }
      return fits != isInverse
    }
  }

  private func fits(_ term: Term, _ layer: Layer) -> Bool? {
    switch term {
    case .text(let text): layer.text.contains(text)
    case .treated: layer.isTreated
    case .below(let column, let limit): value(column, layer).map { $0 < limit }
    case .above(let column, let limit): value(column, layer).map { $0 > limit }
    }
  }

  private func value(_ column: Column, _ layer: Layer) -> Double? {
    switch column {
    case .bytes: Double(layer.byteCount)
    case .bits: layer.bitsPerWeight
    case .kl: layer.klMean
    }
  }

  var isEmpty: Bool { terms.isEmpty }

  /// Whether what becomes known of layers may change what passes.
  var comparesLosses: Bool {
    terms.contains {
      switch $0.term {
      case .below(.kl, _), .above(.kl, _): true
      default: false
      }
    }
  }
}
