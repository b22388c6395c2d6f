import Testing

@testable import ViseFormats

/// The published vocabularies against llama.cpp; each skips where its file is absent.
@Suite struct VocabularyAgreementTests {
  @Test(
    arguments: [
      "gpt-2", "llama-bpe", "qwen2", "smollm", "llama-spm", "gemma3", "starcoder", "phi-3",
    ])
  func idsAreThoseOfLlamaCpp(family name: String) throws {
    let cases = try TokenizerCases(fixture: "vocabularies")
    let family = try cases.family(name)
    guard let path = realModel(family.file) else {
      print("skipped: \(name) needs \(family.file) in $VISE_MODELS")
      return
    }
    let tokenizer = try Tokenizer(metadata: Checkpoint.open(path).metadata)
    expectAgreement(tokenizer, cases.texts, family)
  }
}
