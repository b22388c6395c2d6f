import ArgumentParser
import ViseCompression

/// Treatments as options name several of them.
enum TreatmentList {
  /// Treatments that commas separate, each once.
  static func parse(_ text: String) throws -> [Treatment] {
    try words(text).map { word in
      guard let treatment = Treatment(name: word), treatment != .keep else {
        throw ValidationError("\"\(ErrorText.printable(word))\" is no treatment")
      }
      return treatment
    }
  }

  /// What commas separate, without spaces around it, each once.
  static func words(_ text: String) throws -> [String] {
    var words: [String] = []
    for part in text.split(separator: ",") {
      let word = String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
      if !word.isEmpty, !words.contains(word) { words.append(word) }
    }
    guard !words.isEmpty else { throw ValidationError("no treatment is named") }
    return words
  }
}
