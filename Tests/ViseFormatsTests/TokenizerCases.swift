import Foundation
import Testing

@testable import ViseFormats

/// Texts with the ids that a reference implementation gives them.
struct TokenizerCases: Decodable {
  struct Family: Decodable {
    let name: String
    /// The vocabulary's file.
    let file: String
    /// Ids without special tokens.
    let plain: [[Int32]]
    /// Ids with special tokens added and read from the text, for some of the texts.
    let special: [String: [Int32]]
  }

  let texts: [Data]
  let families: [Family]

  init(fixture name: String) throws {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: "json", subdirectory: fixtureDirectory))
    self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
  }

  func family(_ name: String) throws -> Family {
    try #require(families.first { $0.name == name })
  }
}

let fixtureDirectory = "Fixtures/Tokenizers"

/// Expects the ids of every text to be the reference's.
func expectAgreement(
  _ tokenizer: Tokenizer, _ texts: [Data], _ family: TokenizerCases.Family
) {
  #expect(texts.count == family.plain.count && texts.count >= 200)
  for (index, (text, plain)) in zip(texts, family.plain).enumerated() {
    let bytes = Array(text)
    let beginning = String(decoding: bytes.prefix(60), as: UTF8.self)
    let shown = "\(family.name) \(beginning.debugDescription)"
    #expect(
      tokenizer.encode(bytes, addSpecial: false, parseSpecial: false) == plain, "\(shown) plain")
    guard let special = family.special[String(index)] else { continue }
    #expect(
      tokenizer.encode(bytes, addSpecial: true, parseSpecial: true) == special,
      "\(shown) special")
  }
}

/// A file of the tokenizer fixtures.
func fixture(_ name: String) throws -> String {
  try #require(
    Bundle.module.url(forResource: name, withExtension: nil, subdirectory: fixtureDirectory)
  ).path
}
