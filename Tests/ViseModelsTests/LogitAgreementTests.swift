import Testing
import ViseFormats
import ViseModels

/// Every architecture against llama.cpp, logit by logit.
@Suite struct LogitAgreementTests {
  /// Logits reach 22; a chain of about 20 operations, each summing up to 96 products, rounds some
  /// 64 times 2⁻²⁴ in either program: 22 · 64 · 2⁻²⁴ ≈ 8e-5.
  private static let roundingTolerance: Float = 1e-4

  /// llama.cpp looks GELU up in a table of half floats: 2⁻¹¹ of each argument and of each result.
  ///
  /// With logits of standard deviation 4 and errors of random sign from 7 blocks, the largest of
  /// 4,000 logits is off by up to 4 · 2⁻¹⁰ · √7 · 2 ≈ 2e-2.
  private static let halfTableTolerance: Float = 2e-2

  @Test(arguments: FixtureModel.all)
  func logitsEqualLlamaCpps(name: String) throws {
    let fixture = FixtureModel(name: name)
    let golden = try fixture.golden()
    let logits = try ModelRun(try fixture.gguf()).logits(golden.tokens)
    let usesGELU = ["gemma3", "gpt2"].contains(name)
    let tolerance = usesGELU ? Self.halfTableTolerance : Self.roundingTolerance
    #expect(largestDifference(logits, golden.logits) < tolerance)
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
