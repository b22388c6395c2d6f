import Testing
import ViseFormats
import ViseModels

/// Every architecture against llama.cpp, logit by logit.
///
/// llama.cpp looks GELU up in a table of half floats, which moves logits by up to 5e-3; the goldens
/// of models with GELU are corrected for that, see `Tests/Peers/make_model_goldens.py`.
@Suite struct LogitAgreementTests {
  /// Logits reach 22; a chain of about 20 operations, each summing up to 96 products, rounds some
  /// 64 times 2⁻²⁴ in either program: 22 · 64 · 2⁻²⁴ ≈ 8e-5.
  private static let roundingTolerance: Float = 1e-4

  @Test(arguments: FixtureModel.all)
  func logitsEqualLlamaCpps(name: String) throws {
    let fixture = FixtureModel(name: name)
    let golden = try fixture.golden()
    let logits = try ModelRun(try fixture.gguf()).logits(golden.tokens)
    #expect(largestDifference(logits, golden.logits) < Self.roundingTolerance)
  }

  @Test(arguments: FixtureModel.all)
  func hubFoldersGiveTheLogitsOfTheirTwins(name: String) throws {
    let fixture = FixtureModel(name: name)
    let tokens = try fixture.golden().tokens
    let twin = try ModelRun(try fixture.gguf()).logits(tokens)
    let logits = try ModelRun(try fixture.hub()).logits(tokens)
    #expect(largestDifference(logits, twin) < Self.roundingTolerance)
  }

  @Test(arguments: FixtureModel.all)
  func sequencesOfOneBatchDoNotSeeEachOther(name: String) throws {
    let fixture = FixtureModel(name: name)
    let tokens = try fixture.golden().tokens
    let run = try ModelRun(try fixture.gguf())
    let half = tokens.count / 2
    let together = try run.logits(tokens, sequences: 2)
    let apart = try run.logits(Array(tokens[..<half])) + run.logits(Array(tokens[half...]))
    #expect(largestDifference(together, apart) < Self.roundingTolerance)
  }
}
