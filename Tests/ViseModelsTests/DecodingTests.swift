import Testing
import ViseCompression
import ViseTensor

@testable import ViseModels

/// Generating one token at a time from stored weights, against the executor on decoded ones.
@Suite struct DecodingTests {
  private static let tolerance: Float = 1e-4

  private static func decoder(
    _ model: Model, _ plan: Plan, compressor: SiteCompressor, capacity: Int, threads: Int = 2
  ) throws -> Decoder {
    try Decoder(
      model: model, plan: plan, compressor: compressor, capacity: capacity, threads: threads,
      pool: ComputePool(threadCount: 2), cancellation: CancellationFlag())
  }

  private static func compressor(_ weights: WeightStore) -> SiteCompressor {
    SiteCompressor(reference: weights, byteBudget: 1 << 26)
  }

  /// The logits after each token, read one at a time.
  private static func stepped(_ decoder: Decoder, _ tokens: [Int32]) throws -> [Float] {
    try tokens.flatMap { token in
      try decoder.read([token])
      return decoder.withLogits { Array($0) }
    }
  }

  @Test(arguments: FixtureModel.all)
  func decodingTokenByTokenGivesTheGoldenLogits(name: String) throws {
    let fixture = FixtureModel(name: name)
    let golden = try fixture.golden()
    for model in [try fixture.gguf(), try fixture.hub()] {
      let compressor = Self.compressor(try ModelRun(model).weights)
      let decoder = try Self.decoder(
        model, Plan(), compressor: compressor, capacity: golden.tokens.count)
      let logits = try Self.stepped(decoder, golden.tokens)
      #expect(largestDifference(logits, golden.logits) < Self.tolerance)
    }
  }

  @Test(arguments: FixtureModel.all, [1, 2, 3])
  func aPromptInPartsGivesTheLogitsOfItsTokens(name: String, threads: Int) throws {
    let fixture = FixtureModel(name: name)
    let golden = try fixture.golden()
    let model = try fixture.gguf()
    let decoder = try Self.decoder(
      model, Plan(), compressor: Self.compressor(try ModelRun(model).weights),
      capacity: golden.tokens.count, threads: threads)
    for cut in [0, 1, golden.tokens.count / 2] {
      decoder.reset()
      try decoder.read(Array(golden.tokens[..<cut]))
      try decoder.read(Array(golden.tokens[cut...]))
      let last = decoder.withLogits { Array($0) }
      let expected = Array(golden.logits.suffix(golden.vocabulary))
      #expect(largestDifference(last, expected) < Self.tolerance)
    }
  }

  private static let plans = [
    "\"q4_0\"", "\"q4_1\"", "\"q5_0\"", "\"q8_0\"", "\"iq4_nl\"", "\"q4_K\"", "\"q6_K\"",
    "\"q3_K\"",
    "\"f16\"", "{ format = \"int4\", group = 32 }",
  ]

  @Test(arguments: plans)
  func packedWeightsGiveTheExecutorsLogits(format: String) throws {
    let wide = try WideModel()
    let model = try wide.model()
    let run = try ModelRun(model)
    let plan = try PlanFile(
      text: "version = 1\n[sites]\n\"blk.*\" = \(format)\n", sites: model.sites
    ).plan
    let compressor = Self.compressor(run.weights)
    let planned = PlannedWeights(
      model: model, plan: plan, reference: run.weights, compressor: compressor,
      arithmetic: .llamaCPU)
    let tokens = (0..<12).map { Int32($0 * 7 % 40) }
    let expected = try Self.logits(run, planned, tokens)
    let decoder = try Self.decoder(model, plan, compressor: compressor, capacity: tokens.count)
    let logits = try Self.stepped(decoder, tokens)
    let scale = expected.map(abs).max() ?? 0
    // A sum that rounds differently moves some activation to the neighbouring code of eight bits.
    #expect(largestDifference(logits, expected) < 0.01 * scale)
    decoder.reset()
    try decoder.read(tokens)
    let last = decoder.withLogits { Array($0) }
    #expect(largestDifference(last, Array(expected.suffix(last.count))) < 0.01 * scale)
  }

  /// Features times the head, both as `weights` has them.
  private static func logits(
    _ run: ModelRun, _ weights: PlannedWeights, _ tokens: [Int32]
  ) throws -> [Float] {
    let features = try run.features(tokens, weights: weights)
    if let type = weights.activationType(for: run.program.graph.head) {
      Kernels.roundActivations(features.pointer, count: features.count, as: type)
    }
    let head = try weights.weight(run.program.graph.head)
    return (0..<features.rows).flatMap { row in
      (0..<head.rows).map { word in
        Float(Kernels.dot(features.row(row), head.row(word), count: head.columns))
      }
    }
  }

  @Test func factorsAreMultipliedOneAfterTheOther() throws {
    let wide = try WideModel()
    let model = try wide.model()
    let run = try ModelRun(model)
    let plan = try PlanFile(
      text: "version = 1\n[sites]\n\"blk.*\" = { rank = 32, format = \"q8_0\" }\n",
      sites: model.sites
    ).plan
    let compressor = Self.compressor(run.weights)
    let planned = PlannedWeights(
      model: model, plan: plan, reference: run.weights, compressor: compressor)
    let tokens = (0..<8).map { Int32($0 * 5 % 40) }
    let expected = try Self.logits(run, planned, tokens)
    let whole = try Self.decoder(
      model, Plan(), compressor: compressor, capacity: tokens.count)
    let decoder = try Self.decoder(model, plan, compressor: compressor, capacity: tokens.count)
    let logits = try Self.stepped(decoder, tokens)
    // The executor does not round the activations between the factors.
    #expect(largestDifference(logits, expected) < 0.05 * (expected.map(abs).max() ?? 0))
    #expect(decoder.weightByteCount < whole.weightByteCount)
  }

  @Test func tokensOutsideTheVocabularyAndTheCapacityAreRefused() throws {
    let model = try FixtureModel(name: "llama").gguf()
    let decoder = try Self.decoder(
      model, Plan(), compressor: Self.compressor(try ModelRun(model).weights), capacity: 4)
    #expect(throws: ModelError.self) { try decoder.read([-1]) }
    #expect(throws: ModelError.self) { try decoder.read([1 << 30]) }
    #expect(throws: ModelError.self) { try decoder.read([1, 2, 3, 4, 5]) }
    try decoder.read([1, 2, 3, 4])
    #expect(decoder.position == 4)
  }

  @Test func drawingFollowsTheSeedAndTheTemperature() {
    let logits: [Float] = [0, 2, 1.9, -4]
    func draws(_ temperature: Double, _ seed: UInt64) -> [Int32] {
      var sampler = TokenSampler(temperature: temperature, seed: seed)
      return logits.withUnsafeBufferPointer { logits in
        (0..<200).map { _ in sampler.choose(logits) }
      }
    }
    #expect(draws(0, 1) == [Int32](repeating: 1, count: 200))
    #expect(draws(1, 1) == draws(1, 1))
    #expect(draws(1, 1) != draws(1, 2))
    #expect(Set(draws(1, 1)).isSuperset(of: [0, 1, 2]))
  }

  @Test(arguments: FixtureModel.all)
  func productsAreThoseADecoderHas(name: String) throws {
    let model = try FixtureModel(name: name).gguf()
    let products = try DecodingProducts(model: model)
    let compressor = Self.compressor(try ModelRun(model).weights)
    let treatments = [
      Treatment(format: .ggml(.q8_0)), Treatment(format: .ggml(.q4_K)),
      Treatment(lowRank: LowRank(rank: 32), format: .ggml(.q4_0)),
      Treatment(format: NumberFormat(name: "int4:g32")), Treatment(format: .ggml(.f16)),
    ]
    for shift in treatments.indices {
      var plan = Plan()
      for site in model.sites {
        let treatment = treatments[(site.index + shift) % treatments.count]
        let isTable = site.role == .tokenEmbedding && treatment.form != .whole
        if treatment.problem(for: site) == nil, !isTable { plan[site.name] = treatment }
      }
      #expect(!plan.isEmpty)
      let made = try Self.decoder(model, plan, compressor: compressor, capacity: 4)
      #expect(made.products == products.products(of: plan))
      #expect(
        products.counts(of: plan)
          == made.products.reduce(into: [:]) { $0[$1, default: 0] += 1 })
      let filled = try Decoder(
        model: model, plan: plan, compressor: nil, capacity: 4, threads: 2,
        pool: ComputePool(threadCount: 2), cancellation: CancellationFlag())
      #expect(filled.products == made.products)
      try filled.read([1, 2])
    }
  }

  @Test(
    arguments: [
      "int2:g32", "int3:g64", "int4:g32", "int4:channel", "int5:g32", "int6:g32", "int8:g64",
      "int8:tensor", "int2:g32:asym", "int4:g32:asym", "int5:g64:asym", "int7:g32:asym",
    ])
  func integersKeepTheirLevelsWhenPacked(name: String) throws {
    let format = try #require(NumberFormat(name: name))
    var random = RandomSource(seed: 11)
    let (rows, columns) = (19, 192)
    let weight = Matrix(
      rows: rows, columns: columns,
      values: (0..<rows * columns).map { _ in Float(random.nextUnit() - 0.4) })
    let work = RowWork(pool: nil)
    let encoded = try format.codec.encode(weight, importance: nil, work: work)
    let expected = try format.codec.decode(encoded, work: work)
    let packed = try #require(try PackedIntegers.rows(encoded, format: format, work: work))
    #expect(packed.type == PackedIntegers.type(of: format, columns: columns))
    let found = Matrix(rows: rows, columns: columns)
    packed.decode(0..<rows, into: found.pointer)
    for row in 0..<rows {
      for column in 0..<columns {
        let (value, exact) = (found.row(row)[column], expected.row(row)[column])
        // The format rounds its products to half floats, the packed kernels do not.
        #expect(abs(value - exact) <= abs(exact) / 1024)
      }
    }
  }

  @Test func integersWithoutAPlaceStayFloats() throws {
    for name in ["int8:g32:asym", "int4:g16"] {
      let format = try #require(NumberFormat(name: name))
      #expect(PackedIntegers.type(of: format, columns: 192) == nil)
    }
    let format = try #require(NumberFormat(name: "int4:g32"))
    #expect(PackedIntegers.type(of: format, columns: 100) == nil)
  }
}
