import Foundation
import Testing
import ViseCompression
import ViseTensor

@testable import ViseModels

/// Caches hold no more than they may, and what they hold changes no result.
@Suite struct MemoryBudgetTests {
  @Test(arguments: [0, 1, 4_000, 20_000, 1 << 24])
  func theWeightStoreObeysItsBudget(budget: Int) throws {
    let fixture = FixtureModel(name: "gpt2")
    let tokens = try fixture.golden().tokens
    let expected = try ModelRun(try fixture.gguf()).features(tokens).values
    let run = try ModelRun(try fixture.gguf(), byteBudget: budget)
    var largest = 0
    let features = try run.features(tokens) { _ in
      largest = max(largest, run.weights.cache.byteCount)
    }
    #expect(features.values == expected)
    #expect(max(largest, run.weights.cache.byteCount) <= budget)
  }

  @Test(arguments: [0, 4_096, 30_000])
  func prefetchingObeysTheBudget(budget: Int) throws {
    let model = try FixtureModel(name: "qwen2").gguf()
    let store = WeightStore(model: model, byteBudget: budget)
    let pool = ComputePool(threadCount: 2)
    try store.prefetch(model.sites.map(\.name), on: pool, cancellation: CancellationFlag())
    #expect(store.cache.byteCount <= budget)
  }

  @Test(arguments: [0, 5_000, 1 << 20])
  func theCompressorObeysItsBudgetAndGivesTheSameValues(budget: Int) throws {
    let model = try FixtureModel(name: "mistral").gguf()
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    let pool = ComputePool(threadCount: 2)
    let treatments = [StorageType.q4_0, .q8_0, .bf16].map { Treatment(format: .ggml($0)) }
    let pairs = model.sites.filter { $0.columns % 32 == 0 }
      .enumerated().map { ($1, treatments[$0 % treatments.count]) }
    let small = SiteCompressor(reference: store, byteBudget: budget)
    let large = SiteCompressor(reference: store, byteBudget: 1 << 24)
    try small.prefetch(pairs, on: pool, cancellation: CancellationFlag())
    #expect(small.cache.byteCount <= budget)
    for (site, treatment) in pairs {
      let values = try small.values(of: site, under: treatment).values
      #expect(try large.values(of: site, under: treatment).values == values)
      #expect(small.cache.byteCount <= budget)
    }
  }

  @Test(arguments: [false, true])
  func layersExportedAFewRowsAtATimeAreTheSameBytes(isCalibrated: Bool) throws {
    let model = try Model(path: FixtureModel.samplePath)
    let directory = try TemporaryDirectory()
    let calibration =
      isCalibrated ? try ObservedCalibration(ModelRun(model), tokens: Array(1..<40)) : nil
    let treatment = try #require(Treatment(name: isCalibrated ? "q4_K" : "q5_0"))
    let table = try #require(model.sites.first { $0.role == .tokenEmbedding })
    try #require(table.rows > 2 * 1536)
    let plan = Plan(treatments: [table.name: treatment])
    let files = try [nil, 1].map { (budget: Int?) in
      let path = directory.file("budget-\(budget ?? 0).gguf")
      try ModelExporter(
        model: model, calibration: calibration, pool: ComputePool(threadCount: 2),
        byteBudget: budget
      ).export(plan, to: path, cancellation: CancellationFlag())
      return try Data(contentsOf: URL(filePath: path))
    }
    #expect(files[0] == files[1])
  }

  @Test func rowsOfATableThatIsNotKeptAreThoseOfTheWhole() throws {
    for name in FixtureModel.all {
      let fixture = FixtureModel(name: name)
      for model in [try fixture.gguf(), try fixture.hub()] {
        let site = try #require(model.sites.first { $0.role == .tokenEmbedding })
        let whole = try model.decodeWeight(site.name)
        let tokens: [Int32] = [3, 0, Int32(site.rows - 1), 3]
        for budget in [0, 1 << 24] {
          let store = WeightStore(model: model, byteBudget: budget)
          let rows = try store.rows(of: tokens, in: site.name)
          #expect(rows.values == tokens.flatMap { whole.rows(Int($0)..<Int($0) + 1).values })
        }
        let outside = Int32(site.rows)
        #expect(throws: ModelError.tokenOutOfRange(token: site.rows, vocabulary: site.rows)) {
          try WeightStore(model: model, byteBudget: 0).rows(of: [outside], in: site.name)
        }
      }
    }
  }

  @Test func scratchHoldsBuffersForOneShapeOfBatch() throws {
    let model = try FixtureModel(name: "gemma3").gguf()
    let once = try ModelRun(model)
    _ = try once.features([Int32](repeating: 5, count: 40))
    let many = try ModelRun(model)
    for count in [3, 60, 17, 40, 41, 40] {
      _ = try many.features([Int32](repeating: 5, count: count))
    }
    #expect(many.executor.scratch.freeByteCount == once.executor.scratch.freeByteCount)
    #expect(once.executor.scratch.freeByteCount > 0)
  }

  @Test func theLeastRecentlyUsedGoesFirst() {
    let cache = MatrixCache<String>(byteBudget: 8)
    let make: (Float) -> Matrix = { Matrix(rows: 1, columns: 1, values: [$0]) }
    _ = cache.value(for: "a") { make(1) }
    _ = cache.value(for: "b") { make(2) }
    _ = cache.value(for: "a") { make(3) }
    _ = cache.value(for: "c") { make(4) }
    #expect(cache.contains("a") && cache.contains("c") && !cache.contains("b"))
    #expect(cache.value(for: "a") { make(5) }.values == [1])
  }

  @Test func cancelledPrefetchingStops() throws {
    let model = try FixtureModel(name: "llama").gguf()
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    let flag = CancellationFlag()
    flag.cancel()
    #expect(throws: CancelledError.self) {
      try store.prefetch(
        model.sites.map(\.name), on: ComputePool(threadCount: 1), cancellation: flag)
    }
    #expect(store.cache.byteCount == 0)
  }
}
