import Foundation
import Testing
import ViseTensor

@testable import ViseFormats

/// A BERT tokenizer of 33 pieces.
private func tokenizer() throws -> Tokenizer {
  let url = try #require(
    Bundle.module.url(
      forResource: "wordpiece", withExtension: "json", subdirectory: fixtureDirectory))
  return try MappedFile(path: url.path).withBytes { try Tokenizer(json: $0) }
}

/// Ids as the `tokenizers` package 0.23 gives them for the same file.
private let cases: [(String, [Int32])] = [
  ("Hello, World!", [2, 11, 14, 12, 13, 3]),
  ("UNAFFABLE the unaffables", [2, 5, 6, 7, 4, 5, 6, 7, 8, 3]),
  ("Café naïve", [2, 9, 10, 3]), ("中文a", [2, 17, 18, 20, 3]),
  ("  hello\tworld\u{a0}the \n", [2, 11, 12, 4, 3]), ("a-b'b", [2, 20, 16, 21, 15, 21, 3]),
  ("un\u{0}aff\u{fffd}able", [2, 5, 6, 7, 3]), ("$12 12", [2, 25, 23, 24, 23, 24, 3]),
  ("Straße STRASSE", [2, 1, 27, 3]), ("xyz", [2, 1, 3]), ("", [2, 3]),
  (String(repeating: "ab", count: 60), [2, 1, 3]), ("İi", [2, 30, 31, 3]), ("Ⅳ", [2, 1, 3]),
  ("a\u{301}b", [2, 20, 22, 3]), ("\u{200b}hello", [2, 11, 3]),
  ("hello…world", [2, 11, 1, 12, 3]),
]

@Test(arguments: cases)
func wordPiecesAreThoseOfTheReference(text: String, ids: [Int32]) throws {
  #expect(try tokenizer().encode(text) == ids)
}

@Test func specialTokensInATextAreReadWhereAskedFor() throws {
  let ids = try tokenizer().encode("hello[SEP]world", parseSpecial: true)
  #expect(ids == [2, 11, 3, 12, 3])
}

@Test func aWordPieceFileWithoutItsUnknownTokenIsRefused() throws {
  let text = #"{"model":{"type":"WordPiece","vocab":{"a":0}}}"#
  #expect(throws: TokenizerError.invalid("model.unk_token")) {
    try Array(text.utf8).withUnsafeBytes { try Tokenizer(json: $0) }
  }
}
