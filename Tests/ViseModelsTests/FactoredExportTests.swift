import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Pruned and factorized sites in Vise's own layout, in plain floats and in the level database.
@Suite struct FactoredExportTests {
  private static let treatments = [
    "prune=0.3 rank=16 format=int4:g8", "rank=8 format=nf4:g8", "rank=12 format=f16",
    "pattern=2:4 format=int4:g8", "prune=0.5", "prune=0.4 format=fp8:channel",
    "structure=kronecker:4x8:3 format=f16", "structure=blocks:4 format=int4:g8",
    "prune=0.3 structure=toeplitz", "structure=hankel format=int8:channel",
  ]

  private let directory: TemporaryDirectory
  private let model: Model
  private let exporter: ModelExporter

  init() throws {
    try BLAS.load()
    directory = try TemporaryDirectory()
    model = try FixtureModel(name: "llama").gguf()
    exporter = ModelExporter(model: model, pool: ComputePool(threadCount: 2))
  }

  /// The plan that treats all sites that `name` suits.
  private func plan(_ name: String) throws -> Plan {
    let treatment = try #require(Treatment(name: name))
    let sites = model.sites.filter { treatment.byteCount(for: $0) != nil }
    try #require(sites.count > 4)
    return Plan(treatments: Dictionary(uniqueKeysWithValues: sites.map { ($0.name, treatment) }))
  }

  @Test(arguments: treatments)
  func compositionsReadBackAsTheValuesThatWereEvaluated(name: String) throws {
    let plan = try plan(name)
    let path = directory.file("out.safetensors")
    let bytes = try exporter.export(
      plan, to: path, as: .safetensors, cancellation: CancellationFlag())
    #expect(bytes == model.sizeModel.byteCount(of: plan, as: .safetensors))
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    #expect(size == bytes)
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    let compressor = SiteCompressor(reference: store, byteBudget: 1 << 24)
    let file = try ViseFile(path: path)
    for site in model.sites {
      guard let treatment = plan.change(of: site) else { continue }
      let evaluated = try compressor.values(of: site, under: treatment).values
      let read = try file.site(site.name)
      #expect(try read.values().values == evaluated, "\(site.name)")
      #expect(file.sites[site.name]?.form == treatment.form)
      #expect(read.byteCount == treatment.byteCount(for: site))
    }
  }

  @Test(arguments: treatments)
  func levelsOfCompositionsAreFoundAgain(name: String) throws {
    let plan = try plan(name)
    let plain = directory.file("plain")
    try exporter.export(plan, to: plain, as: .safetensors, cancellation: CancellationFlag())
    for round in 0..<2 {
      let levels = LevelDatabase(folder: directory.file("levels"))
      let path = directory.file("round\(round)")
      try ModelExporter(model: model, levels: levels, pool: ComputePool(threadCount: 2))
        .export(plan, to: path, as: .safetensors, cancellation: CancellationFlag())
      #expect(
        try Data(contentsOf: URL(filePath: path)) == Data(contentsOf: URL(filePath: plain)))
      // Equal weights, if there are any, share a level.
      #expect(round == 0 || levels.hitCount == plan.treatments.count)
    }
  }

  @Test func productsOfFactorsAreTheValuesOfPlainFloats() throws {
    let plan = try plan("prune=0.3 rank=16 format=int4:g8")
    let folder = directory.file("dense")
    try exporter.export(
      plan, to: folder, as: .dense, floats: .f32, cancellation: CancellationFlag())
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    let planned = PlannedWeights(
      model: model, plan: plan, reference: store,
      compressor: SiteCompressor(reference: store, byteBudget: 1 << 24))
    let tokens: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]
    let evaluated = try ModelRun(model).features(tokens, weights: planned).values
    let written = try ModelRun(try Model(path: folder)).features(tokens).values
    #expect(largestDifference(evaluated, written) < 1e-4)
  }
}
