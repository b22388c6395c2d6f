import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Biases that take up the mean error of their layers, as evaluated and as exported.
@Suite struct BiasCorrectionTests {
  private static let tokens: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]

  /// A treatment for all sites with a bias, as evaluation sees it.
  private struct Case {
    let model: Model
    let plan: Plan
    let calibration: ObservedCalibration
    let weights: PlannedWeights
    let biased: [Site]

    init(_ model: Model, _ treatment: String) throws {
      self.model = model
      calibration = try ObservedCalibration(ModelRun(model), tokens: BiasCorrectionTests.tokens)
      biased = model.sites.filter { $0.bias != nil }
      var plan = Plan()
      for site in biased { plan[site.name] = try #require(Treatment(name: treatment)) }
      self.plan = plan
      let store = WeightStore(model: model, byteBudget: 1 << 24)
      weights = PlannedWeights(
        model: model, plan: plan, reference: store,
        compressor: SiteCompressor(
          reference: store, calibration: calibration, byteBudget: 1 << 24))
    }
  }

  /// W·μ + b by plain sums.
  private func meanOutputs(_ weight: Matrix, _ bias: Matrix, _ mean: [Float]) -> [Double] {
    let (values, offsets) = (weight.values, bias.values)
    return (0..<weight.rows).map { row in
      mean.indices.reduce(Double(offsets[row])) {
        $0 + Double(values[row * mean.count + $1]) * Double(mean[$1])
      }
    }
  }

  @Test(arguments: ["gpt2", "qwen2"])
  func treatedLayersKeepTheMeanOfTheirOutputs(name: String) throws {
    let made = try Case(
      FixtureModel(name: name).gguf(), "format=int3:g8 method=rtn bias=correct")
    #expect(!made.biased.isEmpty)
    for site in made.biased {
      let mean = try #require(made.calibration.statistics(of: site)).mean
      let key = try #require(site.bias)
      let before = meanOutputs(
        try made.model.decodeWeight(site.name), try made.model.decodeWeight(key), mean)
      let after = meanOutputs(
        try made.weights.weight(site.name), try made.weights.weight(key), mean)
      let plain = meanOutputs(
        try made.weights.weight(site.name), try made.model.decodeWeight(key), mean)
      let scale = before.map { abs($0) }.max() ?? 1
      for (a, b) in zip(before, after) { #expect(abs(a - b) < 1e-5 * scale) }
      #expect(zip(before, plain).contains { abs($0 - $1) > 1e-3 * scale })
    }
  }

  @Test(arguments: ["gpt2", "qwen2"], [ExportTarget.gguf, .dense])
  func exportedBiasesAreThoseThatWereEvaluated(name: String, target: ExportTarget) throws {
    let directory = try TemporaryDirectory()
    let made = try Case(FixtureModel(name: name).gguf(), "format=q8_0 bias=correct")
    let path = directory.file("out")
    let bytes = try ModelExporter(
      model: made.model, calibration: made.calibration, pool: ComputePool(threadCount: 2)
    ).export(
      made.plan, to: path, as: target, floats: .f32, cancellation: CancellationFlag())
    #expect(try bytes == made.model.exportByteCount(of: made.plan, as: target, floats: .f32))
    if target == .gguf { #expect(bytes == made.model.sizeModel.byteCount(of: made.plan)) }
    let exported = try Model(path: path)
    if target == .gguf {
      for site in made.biased {
        let key = try #require(site.bias)
        let written = try exported.decodeWeight(key).values
        #expect(written == (try made.weights.weight(key).values))
        #expect(written != (try made.model.decodeWeight(key).values))
      }
    }
    let expected = try ModelRun(made.model).features(Self.tokens, weights: made.weights).values
    let found = try ModelRun(exported).features(Self.tokens).values
    let scale = expected.map { abs($0) }.max() ?? 1
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 * scale })
  }

  /// A bias whose channels go is as short as it would be, and takes up the error of what is left.
  @Test func shortenedBiasesAreCorrectedToo() throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: "gpt2").gguf()
    var made = try Case(model, "format=q8_0 bias=correct").plan
    for site in model.sites where site.role == .ffnDown {
      made[site.name] = try #require(
        Treatment(name: "prune=0.5 pattern=channels format=q8_0 method=wanda bias=correct"))
    }
    let calibration = try ObservedCalibration(ModelRun(model), tokens: Self.tokens)
    let path = directory.file("out.gguf")
    try ModelExporter(model: model, calibration: calibration, pool: ComputePool(threadCount: 2))
      .export(made, to: path, cancellation: CancellationFlag())
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    let evaluated = PlannedWeights(
      model: model, plan: made, reference: store,
      compressor: SiteCompressor(reference: store, calibration: calibration, byteBudget: 1 << 24))
    let expected = try ModelRun(model).features(Self.tokens, weights: evaluated).values
    let found = try ModelRun(Model(path: path)).features(Self.tokens).values
    let scale = expected.map { abs($0) }.max() ?? 1
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-4 * scale })
  }

  @Test func correctionsAreRefusedWhereNothingCouldTakeThemUp() throws {
    let model = try FixtureModel(name: "qwen2").gguf()
    let query = try #require(model.sites.first { $0.role == .attentionQuery })
    let down = try #require(model.sites.first { $0.role == .ffnDown })
    let asked = try #require(Treatment(name: "format=q8_0 bias=correct"))
    #expect(asked.needsCalibration && asked.problem(for: query) == nil)
    #expect(asked.name == "format=q8_0 bias=correct")
    #expect(asked.problem(for: down) == "the layer has no bias that could be corrected")
    #expect(
      Treatment(correctsBias: true).problem(for: query)
        == "bias=correct needs something that changes the weight")
    #expect(Treatment(name: "format=q8_0 bias=what") == nil)
    let text = "[sites]\n\"\(query.name)\" = { format = \"q8_0\", bias = \"correct\" }\n"
    let plan = try PlanFile(text: text, sites: model.sites).plan
    #expect(plan[query.name] == asked)
    let written = PlanFile.text(of: plan, sites: model.sites)
    #expect(try PlanFile(text: written, sites: model.sites).plan == plan)
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    let blind = PlannedWeights(
      model: model, plan: plan, reference: store,
      compressor: SiteCompressor(reference: store, byteBudget: 1 << 24))
    let key = try #require(query.bias)
    #expect(
      throws: ModelError.treatmentFailed(
        site: query.name, treatment: asked.name,
        reason: .needsCalibration(method: "bias=correct"))
    ) { try blind.weight(key) }
  }
}
