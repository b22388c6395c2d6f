import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Files whose channels and blocks are gone hold what was evaluated, in fewer bytes.
@Suite struct StructuredExportTests {
  private let pool = ComputePool(threadCount: 2)
  private static let tokens: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]

  /// The same treatment for all sites whose name contains a part of `treatments`.
  private func plan(_ model: Model, _ treatments: [String: String]) throws -> Plan {
    var plan = Plan()
    for site in model.sites {
      guard let name = treatments.first(where: { site.name.contains($0.key) })?.value else {
        continue
      }
      plan[site.name] = try #require(Treatment(name: name))
    }
    return plan
  }

  private func evaluated(_ plan: Plan, of model: Model) throws -> PlannedWeights {
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    return PlannedWeights(
      model: model, plan: plan, reference: store,
      compressor: SiteCompressor(reference: store, byteBudget: 1 << 24))
  }

  /// Exports, checks the bytes, and compares the final features with those evaluated.
  private func check(
    _ plan: Plan, of model: Model, as target: ExportTarget, in directory: TemporaryDirectory
  ) throws -> Model {
    let path = directory.file("out.\(target.rawValue)")
    let written = try ModelExporter(model: model, pool: pool).export(
      plan, to: path, as: target, floats: .f32, replacing: true, cancellation: CancellationFlag())
    #expect(written == (try model.exportByteCount(of: plan, as: target, floats: .f32)))
    if target == .gguf { #expect(written == model.sizeModel.byteCount(of: plan)) }
    let exported = try Model(path: path)
    let expected = try ModelRun(model).features(Self.tokens, weights: evaluated(plan, of: model))
    let found = try ModelRun(exported).features(Self.tokens)
    let scale = expected.values.map { abs($0) }.max() ?? 0
    #expect(largestDifference(found.values, expected.values) < 1e-4 * scale)
    return exported
  }

  @Test(arguments: ["llama", "qwen2", "qwen3", "gemma3"], [ExportTarget.gguf, .dense])
  func filesWithFewerNeuronsAndHeadsComputeWhatWasEvaluated(
    name: String, target: ExportTarget
  ) throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: name).gguf()
    let old = try model.program.get().configuration
    let neurons = ["ffn_down": "prune=0.5 pattern=channels", "ffn_up": "format=f16"]
    let both = neurons.merging(["attn_output": "prune=0.5 pattern=channels"]) { $1 }
    for parts in [neurons, both] where parts.count < 3 || old.keyValueHeads > 1 {
      let exported = try check(plan(model, parts), of: model, as: target, in: directory)
      let new = try exported.program.get().configuration
      // Half of 40 neurons, in steps of 8.
      #expect(new.feedForwardWidth == (old.feedForwardWidth == 40 ? 24 : old.feedForwardWidth / 2))
      #expect(new.headLength == old.headLength)
      #expect(new.keyValueHeads == (parts.count < 3 ? old.keyValueHeads : old.keyValueHeads / 2))
      #expect(new.heads == (parts.count < 3 ? old.heads : old.heads / 2))
    }
  }

  @Test(arguments: ["llama", "qwen2"], [ExportTarget.gguf, .dense])
  func droppedBlocksAreRenumbered(name: String, target: ExportTarget) throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: name).gguf()
    let count = try model.program.get().configuration.blockCount
    let plan = try Plan().dropping(blocks: [0], of: model.sites)
    let exported = try check(plan, of: model, as: target, in: directory)
    #expect(try exported.program.get().configuration.blockCount == count - 1)
    #expect(Set(exported.sites.compactMap(\.block)) == Set(0..<count - 1))
  }

  @Test func theHubFormOfAModelShrinksAsItsGGUFFormDoes() throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: "qwen2").hub()
    let plan = try plan(
      model,
      ["down_proj": "prune=0.5 pattern=channels", "o_proj": "prune=0.5 pattern=channels"])
    _ = try check(plan, of: model, as: .dense, in: directory)
    _ = try check(
      Plan().dropping(blocks: [1], of: model.sites), of: model, as: .dense, in: directory)
  }

  @Test func neuronsOfGPT2GoWithTheirBiases() throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: "gpt2").gguf()
    let plan = try plan(model, ["ffn_down": "prune=0.5 pattern=channels"])
    for target in [ExportTarget.gguf, .dense] {
      _ = try check(plan, of: model, as: target, in: directory)
    }
    let whole = try #require(Treatment(name: "prune=1 pattern=channels"))
    for site in model.sites { #expect(whole.problem(for: site) != nil) }
  }

  /// Rows that remain in their own type are the source's bytes; treated ones are what was evaluated.
  @Test func whatRemainsIsWhatWasEvaluatedBitForBit() throws {
    let wide = try WideModel()
    let model = try wide.model()
    let plan = try plan(
      model,
      ["ffn_down": "prune=0.25 pattern=channels format=q8_0", "ffn_gate": "format=q4_K"])
    let exported = try check(plan, of: model, as: .gguf, in: wide.directory)
    let evaluated = try evaluated(plan, of: model)
    for name in ["ffn_down", "ffn_gate", "ffn_up"].map({ "blk.1.\($0).weight" }) {
      let whole = try evaluated.weight(name)
      let kept = try exported.decodeWeight(name)
      let original = try model.decodeWeight(name)
      // Of gate and up rows are left, of down columns.
      func vectors(_ matrix: Matrix) -> [[Float]] {
        let turned = name.contains("down") ? matrix.transposed() : matrix
        return (0..<turned.rows).map { turned.rows($0..<$0 + 1).values }
      }
      #expect(vectors(whole).filter { $0.contains { $0 != 0 } } == vectors(kept))
      if name.contains("up") { #expect(Set(vectors(original)).isSuperset(of: vectors(kept))) }
    }
    #expect(exported.checkpoint.record(named: "blk.1.ffn_up.weight")?.type == .q6_K)
  }

  /// The key of a level holds what another site's pruning leaves of it.
  @Test func levelsOfSmallerSitesAreThoseOfTheirOwnChannels() throws {
    let directory = try TemporaryDirectory()
    let model = try WideModel().model()
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    let levels = LevelDatabase(folder: directory.file("levels"))
    let gate = try #require(model.site(named: "blk.0.ffn_gate.weight"))
    func values(_ method: String, _ levels: LevelDatabase?) throws -> [Float] {
      let plan = try plan(
        model,
        [
          "ffn_down": "prune=0.5 pattern=channels format=q8_0 method=\(method)",
          "ffn_gate": "format=q8_0",
        ])
      let change = try #require(plan.change(of: gate))
      return try SiteCompressor(reference: store, levels: levels, byteBudget: 1 << 20)
        .values(of: gate, under: change).values
    }
    for method in ["magnitude", "maw", "magnitude"] {
      #expect(try values(method, levels) == values(method, nil))
    }
    #expect(levels.hitCount == 1)
    #expect(try values("magnitude", levels) != values("maw", levels))
  }

  @Test(arguments: [ExportTarget.gguf, .dense, .compressedTensors])
  func unevenPlansAreRefusedBeforeAnyWorkAndNameTheirLayers(target: ExportTarget) throws {
    let model = try FixtureModel(name: "llama").gguf()
    let plan = try plan(model, ["blk.1.ffn_down": "prune=0.5 pattern=channels"])
    #expect(model.misfits(of: plan, in: target).map(\.site) == ["blk.1.ffn_down.weight"])
    #expect(throws: ExportError.self) { try model.exportByteCount(of: plan, as: target) }
    #expect(model.misfits(of: plan, in: .safetensors).isEmpty)
    #expect(model.sizeModel.target(of: plan) == .safetensors)
    #expect(model.exportTarget(of: plan) == .safetensors)
  }

  @Test func blocksWhosePlaceMattersAreNotDropped() throws {
    let model = try FixtureModel(name: "gemma3").gguf()
    let plan = try Plan().dropping(blocks: [0], of: model.sites)
    let misfits = model.misfits(of: plan, in: .gguf)
    #expect(
      misfits.map(\.reason)
        == [String](repeating: "which blocks see only a window goes by their place", count: 2))
    #expect(model.sizeModel.target(of: plan) == .safetensors)
  }

  /// 200 plans that prune channels and drop blocks here and there, or everywhere alike.
  @Test(arguments: ["llama", "qwen2", "qwen3", "gpt2"], [false, true])
  func predictedBytesOfStructuredPlansAreTheExportedFiles(name: String, fromHub: Bool) throws {
    let directory = try TemporaryDirectory()
    let fixture = FixtureModel(name: name)
    let model = try fromHub ? fixture.hub() : fixture.gguf()
    let exporter = ModelExporter(model: model, pool: pool)
    let sizes = model.sizeModel
    let path = directory.file("out")
    var targets: [ExportTarget: Int] = [:]
    for seed in 0..<25 as Range<UInt64> {
      var random = RandomSource(seed: seed)
      let plan = Plan.randomlyStructured(
        for: model.sites,
        formats: seed % 3 == 0
          ? NumberFormat.everyKind : NumberFormat.encodable.map(NumberFormat.ggml),
        uniform: seed % 4 != 0, using: &random)
      let target = model.exportTarget(of: plan)
      targets[target, default: 0] += 1
      #expect(sizes.target(of: plan).rawValue == target.rawValue)
      let written = try exporter.export(
        plan, to: path, as: target, replacing: true, cancellation: CancellationFlag())
      let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      #expect(size == written)
      #expect(size == sizes.byteCount(of: plan), "\(name) seed \(seed) \(target)")
    }
    #expect((targets[.gguf] ?? 0 > 5) == !fromHub)
  }
}
