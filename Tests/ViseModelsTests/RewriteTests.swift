import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

private let work = RowWork(pool: nil)

/// A fixture with statistics of its own tokens, and what its rewritten copy computes.
private struct RewriteCase {
  let model: Model
  let tokens: [Int32]
  let calibration: ObservedCalibration
  private let logits: [Float]

  init(_ name: String) throws {
    let fixture = FixtureModel(name: name)
    model = try fixture.gguf()
    tokens = try fixture.golden().tokens
    let run = try ModelRun(model)
    logits = try run.logits(tokens)
    calibration = try ObservedCalibration(run, tokens: tokens)
  }

  /// Writes the rewritten model in F32, opens it, and compares its logits with the original's.
  func expectSameFunction(_ rewrite: ModelRewrite) throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("rewritten.gguf")
    let bytes = try RewriteWriter(model: model, rewrite: rewrite, floats: .f32)
      .write(to: path, cancellation: CancellationFlag())
    let rewritten = try Model(path: path)
    #expect(rewritten.fileByteCount == bytes)
    let changed = try ModelRun(rewritten).logits(tokens)
    let scale = logits.map(abs).max() ?? 0
    #expect(largestDifference(changed, logits) < 1e-3 * scale)
  }
}

@Test(arguments: ["llama", "mistral", "qwen2", "qwen3"])
func rotatedModelsComputeTheSame(name: String) throws {
  let rewriteCase = try RewriteCase(name)
  let model = rewriteCase.model
  let graph = try model.program.get().graph
  var rewrite = ModelRewrite()
  try RotationRewrite.hadamard(model, seed: 3).append(to: &rewrite, of: model)
  #expect((rewrite.untiedHead != nil) == (graph.head == "token_embd.weight"))
  // Everything but head norms, keys' biases and the like is changed, and norms on the stream are 1.
  for site in model.sites { #expect(rewrite.steps[site.name] != nil, "\(site.name)") }
  let norms = try rewrite.weight("blk.0.attn_norm.weight", of: model).values
  #expect(norms.allSatisfy { $0 == 1 })
  let before = try model.decodeWeight("blk.0.attn_q.weight").values
  let after = try rewrite.weight("blk.0.attn_q.weight", of: model).values
  #expect(largestDifference(before, after) > 1e-3)
  try rewriteCase.expectSameFunction(rewrite)
}

@Test(arguments: [("gemma3", "post_attention_norm"), ("gpt2", "positions")])
func modelsWithoutARotatableStreamAreRefused(name: String, reason: String) throws {
  let model = try FixtureModel(name: name).gguf()
  #expect {
    _ = try RotationRewrite.hadamard(model, seed: 1)
  } throws: {
    guard case .notRotatable(let words)? = $0 as? RewriteError else { return false }
    return words.contains(reason)
  }
}

@Test(arguments: ["llama", "qwen2"])
func componentsComeInOrderOfTheirEnergy(name: String) throws {
  let rewriteCase = try RewriteCase(name)
  let model = rewriteCase.model
  let width = try model.program.get().configuration.width
  let high = width / 4
  let rotation = try ComponentRotation.rotation(
    of: model, high: high, calibration: rewriteCase.calibration, seed: 2)
  var rewrite = ModelRewrite()
  try rotation.append(to: &rewrite, of: model)
  try rewriteCase.expectSameFunction(rewrite)
  // The first dimensions of what readers see hold more than a random basis would give them.
  let directory = try TemporaryDirectory()
  let path = directory.file("rotated.gguf")
  try RewriteWriter(model: model, rewrite: rewrite, floats: .f32)
    .write(to: path, cancellation: CancellationFlag())
  let rotated = try Model(path: path)
  let seen = try ObservedCalibration(ModelRun(rotated), tokens: rewriteCase.tokens)
  let site = try #require(rotated.site(named: "blk.0.attn_q.weight"))
  let energy = try #require(seen.statistics(of: site)).diagonal
  let share = energy[..<high].reduce(0, +) / energy.reduce(0, +)
  #expect(share > 1.3 * Float(high) / Float(width))
}

@Test(arguments: ["llama", "mistral", "qwen2", "qwen3", "gemma3", "gpt2"])
func scaledModelsComputeTheSame(name: String) throws {
  let rewriteCase = try RewriteCase(name)
  let format = try #require(NumberFormat(name: "int3:g16"))
  for rule in [ScalingRewrite.Rule.awq(format), .smooth(alpha: 0.5), .equalize] {
    var rewrite = ModelRewrite()
    let changes = try ScalingRewrite(
      rule, model: rewriteCase.model, calibration: rewriteCase.calibration, work: work
    ).append(to: &rewrite)
    #expect(!changes.isEmpty)
    for change in changes {
      guard let error = change.outputError, let plain = change.plainError else { continue }
      #expect(error <= plain)
    }
    try rewriteCase.expectSameFunction(rewrite)
  }
}

@Test(arguments: ["llama", "mistral", "qwen2", "qwen3", "gemma3", "gpt2"])
func smoothedKeysGiveTheSameAttention(name: String) throws {
  let rewriteCase = try RewriteCase(name)
  var rewrite = ModelRewrite()
  let count = try KeySmoothing(
    alpha: 0.5, model: rewriteCase.model, calibration: rewriteCase.calibration
  ).append(to: &rewrite)
  #expect(count == (try rewriteCase.model.program.get().graph.blockCount))
  try rewriteCase.expectSameFunction(rewrite)
}

@Test func equalizationAfterARotationComputesTheSame() throws {
  let rewriteCase = try RewriteCase("llama")
  var rewrite = ModelRewrite()
  try RotationRewrite.hadamard(rewriteCase.model, seed: 5).append(
    to: &rewrite, of: rewriteCase.model)
  _ = try ScalingRewrite(.equalize, model: rewriteCase.model, work: work).append(to: &rewrite)
  try rewriteCase.expectSameFunction(rewrite)
}

@Test func linksShareValuesOverTheirGroupOfHeads() throws {
  let model = try FixtureModel(name: "llama").gguf()
  let configuration = try model.program.get().configuration
  let links = ScalableLink.all(in: try model.program.get().graph)
  #expect(links.count == 4 * configuration.blockCount)
  let values = try #require(links.first { $0.kind == .values })
  #expect(values.consumers == ["blk.0.attn_output.weight"])
  #expect(values.channels.count == configuration.heads * configuration.headLength)
  #expect(values.channelCount == configuration.keyValueHeads * configuration.headLength)
  let norms = links.filter { $0.kind == .norm }.map(\.consumers.count)
  #expect(norms == Array(repeating: [3, 2], count: configuration.blockCount).flatMap { $0 })
}

@Test func statisticsThatLackAnInputAreNamed() throws {
  let model = try FixtureModel(name: "llama").gguf()
  var rewrite = ModelRewrite()
  #expect(throws: RewriteError.needsCalibration("blk.0.attn_q.weight")) {
    _ = try ScalingRewrite(.smooth(alpha: 0.5), model: model, work: work).append(to: &rewrite)
  }
}

/// Mean KL, in nats, of two models' distributions after each token.
private func divergence(_ a: [Float], _ b: [Float], vocabulary: Int) -> Double {
  func logShares(_ logits: ArraySlice<Float>) -> [Double] {
    let largest = Double(logits.max() ?? 0)
    let sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
    return logits.map { Double($0) - largest - log(sum) }
  }
  let rows = a.count / vocabulary
  return (0..<rows).reduce(0.0) { total, row in
    let range = row * vocabulary..<(row + 1) * vocabulary
    return total
      + zip(logShares(a[range]), logShares(b[range])).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
  } / Double(rows)
}

@Test(arguments: ["hadamard", "pca", "awq", "smooth", "equalize", "keys"])
func theSampleModelKeepsItsDistributions(kind: String) throws {
  let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "SampleModels/story-lm/story-lm-f16.gguf").path
  let model = try Model(path: path)
  let run = try ModelRun(model, byteBudget: 1 << 27)
  let tokens = (0..<24).map { Int32($0 * 37 % 4000 + 5) }
  let calibration = try ObservedCalibration(run, tokens: tokens)
  var rewrite = ModelRewrite()
  func scale(_ rule: ScalingRewrite.Rule) throws {
    _ = try ScalingRewrite(rule, model: model, calibration: calibration, work: work)
      .append(to: &rewrite)
  }
  switch kind {
  case "hadamard":
    try RotationRewrite.hadamard(model, seed: 1).append(to: &rewrite, of: model)
  case "pca":
    try ComponentRotation.rotation(of: model, high: 32, calibration: calibration, seed: 1)
      .append(to: &rewrite, of: model)
  case "awq": try scale(.awq(.ggml(.q4_0)))
  case "smooth": try scale(.smooth(alpha: 0.5))
  case "equalize": try scale(.equalize)
  default:
    _ = try KeySmoothing(alpha: 0.5, model: model, calibration: calibration).append(to: &rewrite)
  }
  let directory = try TemporaryDirectory()
  let output = directory.file("rewritten.gguf")
  try RewriteWriter(model: model, rewrite: rewrite, floats: .f32)
    .write(to: output, cancellation: CancellationFlag())
  let before = try run.logits(tokens)
  let after = try ModelRun(try Model(path: output), byteBudget: 1 << 27).logits(tokens)
  #expect(largestDifference(before, after) < 1e-3 * (before.map(abs).max() ?? 0))
  #expect(abs(divergence(before, after, vocabulary: 4096)) < 1e-6)
}
