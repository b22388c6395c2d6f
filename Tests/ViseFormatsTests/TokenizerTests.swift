import Foundation
import Testing
import ViseTensor

@testable import ViseFormats

private func loadTokenizer(_ name: String) throws -> Tokenizer {
  let path = try fixture(name)
  guard name.hasSuffix(".json") else { return try Tokenizer(checkpoint: Checkpoint.open(path)) }
  return try MappedFile(path: path).withBytes { try Tokenizer(json: $0) }
}

private func edited(
  _ name: String, _ change: (inout [String: Any]) -> Void
) throws -> TokenizerError? {
  let data = try Data(contentsOf: URL(filePath: fixture(name)))
  var document = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  change(&document)
  let bytes = Array(try JSONSerialization.data(withJSONObject: document))
  return #expect(throws: TokenizerError.self) {
    try bytes.withUnsafeBytes { try Tokenizer(json: $0) }
  }
}

@Suite struct TokenizerTests {
  @Test(arguments: ["gpt-2.gguf", "llama-bpe.gguf", "qwen2.gguf", "smollm.json"])
  func byteLevelDecodingGivesBackTheText(name: String) throws {
    let tokenizer = try loadTokenizer(name)
    for text in try TokenizerCases(fixture: "fixtures").texts {
      guard String(bytes: text, encoding: .utf8) != nil else { continue }
      let ids = tokenizer.encode(Array(text), addSpecial: false)
      #expect(tokenizer.decode(ids) == Array(text))
    }
  }

  @Test func sentencePieceDecodingGivesBackTheTextBehindItsSpace() throws {
    let tokenizer = try loadTokenizer("llama-spm.gguf")
    for text in ["Hello world", "  two", "a\nb", "naïve 🙂 字"] {
      let ids = tokenizer.encode(text, addSpecial: true)
      #expect(ids.first == tokenizer.beginToken)
      #expect(tokenizer.decode(ids.dropFirst()) == Array(" \(text)".utf8))
    }
  }

  @Test func idsOutOfRangeDecodeToNothing() throws {
    let tokenizer = try loadTokenizer("gpt-2.gguf")
    #expect(tokenizer.decode([-1, .max, Int32(tokenizer.vocabularyCount)]).isEmpty)
  }

  @Test func manyLetterWordIsMergedInTime() throws {
    let tokenizer = try loadTokenizer("gpt-2.gguf")
    let word = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20)
    #expect(tokenizer.decode(tokenizer.encode(word)) == word)
    let pieces = try loadTokenizer("llama-spm.gguf").encode(word, addSpecial: false)
    #expect(pieces.count > 1)
  }

  @Test func longMergesEqualShortOnes() throws {
    let tokenizer = try loadTokenizer("gpt-2.json")
    guard let encoder = (tokenizer.encoder as? TokenizerPipeline)?.pieces as? ByteLevelBPE else {
      Issue.record("another encoder")
      return
    }
    let unit = Array("thereandback".utf8)
    for count in 1...4 {
      var short = (0..<count).flatMap { _ in unit }.compactMap {
        encoder.vocabulary.table.find([$0])
      }
      let long = Array(short)
      encoder.merges.merge(&short)
      // The same letters with an unmergeable tail, long enough to take the other path.
      let tail = try #require(encoder.vocabulary.table.find(ByteAlphabet.encode([0xFF])))
      var padded = long + [Int32](repeating: tail, count: 60)
      encoder.merges.merge(&padded)
      #expect(Array(padded.dropLast(60)) == short)
    }
  }

  @Test func unknownPartsOfTokenizerJSONAreRefusedByName() throws {
    #expect(
      try edited("gpt-2.json") { $0["normalizer"] = ["type": "Odd"] }
        == .unsupportedComponent("normalizer.Odd"))
    #expect(
      try edited("gpt-2.json") { $0["pre_tokenizer"] = ["type": "Odd"] }
        == .unsupportedComponent("pre_tokenizer.Odd"))
    #expect(
      try edited("gpt-2.json") {
        $0["pre_tokenizer"] = [
          "type": "Split", "pattern": ["Regex": "a|b"], "behavior": "Isolated",
        ]
      } == .unsupportedComponent("pre_tokenizer.Split"))
    #expect(
      try edited("gpt-2.json") { $0["model"] = ["type": "WordLevel", "vocab": ["a": 0]] }
        == .unsupportedModel("WordLevel"))
    #expect(try edited("gpt-2.json") { $0["model"] = [:] } == .invalid("model.vocab"))
    #expect(
      try edited("unigram.json") { document in
        var model = document["model"] as? [String: Any] ?? [:]
        model["unk_id"] = 1_000_000
        document["model"] = model
      } == .invalid("model.unk_id"))
  }

  @Test func ggufWithoutWhatItNeedsIsRefusedByKey() throws {
    var metadata = try Checkpoint.open(fixture("gpt-2.gguf")).metadata
    func error() -> TokenizerError? {
      #expect(throws: TokenizerError.self) { try Tokenizer(metadata: metadata) }
    }
    metadata["tokenizer.ggml.pre"] = .string("odd")
    #expect(error() == .unsupportedPreTokenizer("odd"))
    metadata["tokenizer.ggml.merges"] = nil
    metadata["tokenizer.ggml.pre"] = .string("gpt-2")
    #expect(error() == .invalid("tokenizer.ggml.merges"))
    metadata["tokenizer.ggml.token_type"] = .array(
      MetadataArray(elementType: .int32, values: [.int32(1)]))
    #expect(error() == .invalid("tokenizer.ggml.token_type"))
    metadata["tokenizer.ggml.tokens"] = .uint32(3)
    #expect(error() == .invalid("tokenizer.ggml.tokens"))
    metadata["tokenizer.ggml.model"] = .string("odd")
    metadata["tokenizer.ggml.tokens"] = .array(
      MetadataArray(elementType: .string, values: [.string("a")]))
    metadata["tokenizer.ggml.token_type"] = nil
    #expect(error() == .unsupportedModel("odd"))
  }

  @Test func lastLineBreakIsNoPartOfATextFile() throws {
    let directory = try TemporaryDirectory()
    for (text, kept) in [("a\n\n", "a\n"), ("a", "a"), ("\n", ""), ("", "")] {
      let file = try TextFile(path: directory.write(text.utf8, to: "t.txt"))
      #expect(file.withBytes { Array($0) } == Array(kept.utf8))
    }
  }
}
