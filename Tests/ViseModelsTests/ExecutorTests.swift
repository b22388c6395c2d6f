import Synchronization
import Testing
import ViseCompression
import ViseModels
import ViseTensor

/// Laws of running and resuming a graph.
@Suite struct ExecutorTests {
  @Test(arguments: FixtureModel.all)
  func resumingFromAnyCutGivesTheSameBits(name: String) throws {
    let fixture = FixtureModel(name: name)
    let tokens = try fixture.golden().tokens
    let run = try ModelRun(try fixture.gguf())
    let whole = try run.features(tokens).values
    let cuts = try run.cuts(tokens)
    #expect(cuts.map(\.cut) == Array(0...run.program.graph.blockCount))
    for cut in cuts {
      #expect(try run.features(tokens, from: cut).values == whole, "cut \(cut.cut)")
    }
  }

  @Test(arguments: FixtureModel.all)
  func repeatedRunsGiveTheSameBits(name: String) throws {
    let fixture = FixtureModel(name: name)
    let tokens = try fixture.golden().tokens
    let run = try ModelRun(try fixture.gguf())
    let first = try run.features(tokens).values
    // A pass over other tokens leaves its values in the scratch buffers.
    _ = try run.features(tokens.reversed())
    #expect(try run.features(tokens).values == first)
    #expect(try ModelRun(try fixture.gguf()).features(tokens).values == first)
  }

  @Test(arguments: FixtureModel.all)
  func checkpointsAreLeftAsTheyWere(name: String) throws {
    let fixture = FixtureModel(name: name)
    let tokens = try fixture.golden().tokens
    let run = try ModelRun(try fixture.gguf())
    let cut = try #require(try run.cuts(tokens).first)
    let before = cut.value.values
    _ = try run.features(tokens, from: cut)
    _ = try run.features(tokens.reversed())
    #expect(cut.value.values == before)
  }

  @Test(arguments: FixtureModel.all)
  func aChangedSiteResumesAtItsBlock(name: String) throws {
    let model = try FixtureModel(name: name).gguf()
    let graph = try model.program.get().graph
    for site in model.sites {
      let cut = graph.lastCut(before: [site.name])
      switch site.role {
      case .tokenEmbedding: #expect(cut == nil)
      case .output: #expect(cut == graph.blockCount)
      default: #expect(cut == site.block, "\(site.name)")
      }
    }
    #expect(graph.lastCut(before: []) == graph.blockCount)
  }

  @Test func theFirstChangedBlockDecidesWhereToResume() throws {
    let model = try FixtureModel(name: "gemma3").gguf()
    let graph = try model.program.get().graph
    #expect(graph.lastCut(before: ["blk.5.ffn_up.weight", "blk.2.attn_k.weight"]) == 2)
    #expect(graph.lastCut(before: ["blk.5.ffn_up.weight", "token_embd.weight"]) == nil)
    #expect(graph.lastCut(before: ["output_norm.weight"]) == graph.blockCount)
    #expect(graph.lastCut(before: ["blk.6.post_ffw_norm.weight"]) == 6)
  }

  @Test func aTiedHeadChangesWithTheEmbedding() throws {
    let graph = try FixtureModel(name: "llama").gguf().program.get().graph
    #expect(graph.head == "token_embd.weight")
    #expect(try FixtureModel(name: "mistral").gguf().program.get().graph.head == "output.weight")
  }

  @Test(arguments: FixtureModel.all, 0..<6 as Range<UInt64>)
  func aPlanResumedFromTheReferenceEqualsTheWholePlannedRun(name: String, seed: UInt64) throws {
    let fixture = FixtureModel(name: name)
    let model = try fixture.gguf()
    let tokens = try fixture.golden().tokens
    let run = try ModelRun(model)
    let reference = try run.cuts(tokens)
    var random = RandomSource(seed: seed)
    let plan = Plan.random(for: model.sites, share: 0.2, using: &random)
    let compressor = SiteCompressor(reference: run.weights, byteBudget: 1 << 24)
    let weights = PlannedWeights(
      model: model, plan: plan, reference: run.weights, compressor: compressor)
    let changed = Set(weights.changes.map(\.0.name))
    guard let cut = run.program.graph.lastCut(before: changed) else { return }
    let whole = try run.features(tokens, weights: weights).values
    #expect(try run.features(tokens, from: reference[cut], weights: weights).values == whole)
  }

  @Test func tokensOutsideTheVocabularyAreRefused() throws {
    let run = try ModelRun(try FixtureModel(name: "llama").gguf())
    for token in [-1, 96, Int32.max, Int32.min] {
      #expect(throws: ModelError.tokenOutOfRange(token: Int(token), vocabulary: 96)) {
        _ = try run.features([1, token])
      }
    }
  }

  @Test func sequencesLongerThanLearnedPositionsAreRefused() throws {
    let run = try ModelRun(try FixtureModel(name: "gpt2").gguf())
    #expect(throws: ModelError.tokenOutOfRange(token: 64, vocabulary: 64)) {
      _ = try run.features([Int32](repeating: 3, count: 65))
    }
    #expect(try run.features([Int32](repeating: 3, count: 64)).rows == 64)
  }
}

/// Cancelling a pass.
@Suite struct CancellationTests {
  @Test func aFlagSetBeforehandStopsTheFirstOperation() throws {
    let run = try ModelRun(try FixtureModel(name: "llama").gguf())
    let weights = CountingWeights(source: run.weights)
    let flag = CancellationFlag()
    flag.cancel()
    #expect(throws: CancelledError.self) {
      _ = try run.executor.features(
        of: TokenBatch(tokens: [1, 2], sequenceLength: 2), weights: weights, cancellation: flag)
    }
    #expect(weights.reads.load(ordering: .relaxed) == 0)
  }

  @Test func aFlagSetAtACutStopsThePassWithinOneOperation() throws {
    let run = try ModelRun(try FixtureModel(name: "gemma3").gguf())
    let weights = CountingWeights(source: run.weights)
    let flag = CancellationFlag()
    var readsAtCut = 0
    var seen: [Int] = []
    #expect(throws: CancelledError.self) {
      _ = try run.executor.features(
        of: TokenBatch(tokens: [1, 2], sequenceLength: 2), weights: weights, cancellation: flag
      ) {
        seen.append($0.cut)
        guard $0.cut == 2 else { return }
        flag.cancel()
        readsAtCut = weights.reads.load(ordering: .relaxed)
      }
    }
    #expect(seen == [0, 1, 2])
    // The operation after the cut is a norm, which reads one weight.
    #expect(weights.reads.load(ordering: .relaxed) <= readsAtCut + 1)
  }

  @Test func anExecutorWorksAfterACancelledPass() throws {
    let fixture = FixtureModel(name: "qwen3")
    let tokens = try fixture.golden().tokens
    let run = try ModelRun(try fixture.gguf())
    let expected = try run.features(tokens).values
    let flag = CancellationFlag()
    #expect(throws: CancelledError.self) {
      _ = try run.executor.features(
        of: TokenBatch(tokens: tokens, sequenceLength: tokens.count), weights: run.weights,
        cancellation: flag, keep: { _ in flag.cancel() })
    }
    #expect(try run.features(tokens).values == expected)
  }
}

/// Counts how often weights are read.
private final class CountingWeights: WeightSource {
  let source: WeightStore
  let reads = Atomic<Int>(0)

  init(source: WeightStore) {
    self.source = source
  }

  func weight(_ key: String) throws -> Matrix {
    reads.add(1, ordering: .relaxed)
    return try source.weight(key)
  }
}
