import Testing
import ViseTensor

@testable import ViseFormats

/// Tiny tokenizers of each family against the libraries that define them.
///
/// The fixtures and the ids were made by `Tests/Peers/make_tokenizer_fixtures.py`.
@Suite struct TokenizerAgreementTests {
  @Test(
    arguments: [
      "gpt-2.gguf", "llama-bpe.gguf", "qwen2.gguf", "smollm.gguf", "llama-spm.gguf", "gemma.gguf",
      "unigram.gguf",
    ])
  func ggufIdsAreThoseOfLlamaCpp(name: String) throws {
    let cases = try TokenizerCases(fixture: "fixtures")
    let tokenizer = try Tokenizer(checkpoint: Checkpoint.open(fixture(name)))
    expectAgreement(tokenizer, cases.texts, try cases.family(name))
  }

  @Test(
    arguments: [
      "gpt-2.json", "llama-bpe.json", "qwen2.json", "smollm.json", "llama-spm.json", "gemma.json",
      "unigram.json",
    ])
  func jsonIdsAreThoseOfTokenizers(name: String) throws {
    let cases = try TokenizerCases(fixture: "fixtures")
    let tokenizer = try MappedFile(path: fixture(name)).withBytes { try Tokenizer(json: $0) }
    expectAgreement(tokenizer, cases.texts, try cases.family(name))
  }
}
