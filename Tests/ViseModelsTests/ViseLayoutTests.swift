import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Vise's own safetensors layout: exact sizes, and the values that were evaluated.
@Suite struct ViseLayoutTests {
  private let exportable = NumberFormat.everyKind + NumberFormat.encodable.map(NumberFormat.ggml)

  @Test func everyNameInTheListOfFormatsIsOne() {
    #expect(NumberFormat.everyKind.map(\.name) == NumberFormat.everyKindNames)
  }

  /// Half of 200 plans start from GGUF and half from safetensors; a third of those of GGUF fit it.
  @Test(arguments: 0..<4 as Range<UInt64>)
  func predictedBytesAreTheExportedFiles(part: UInt64) throws {
    let directory = try TemporaryDirectory()
    let fixture = FixtureModel(name: part < 2 ? "llama" : "qwen3")
    let model = try part % 2 == 0 ? fixture.gguf() : fixture.hub()
    let exporter = ModelExporter(model: model, pool: ComputePool(threadCount: 2))
    let sizes = model.sizeModel
    let path = directory.file("out")
    var targets: [ExportTarget: Int] = [:]
    for seed in 0..<50 as Range<UInt64> {
      var random = RandomSource(seed: 100 * part + seed)
      let plan = Plan.random(
        for: model.sites,
        formats: seed % 3 == 0 ? NumberFormat.encodable.map(NumberFormat.ggml) : exportable,
        share: random.nextUnit(), using: &random)
      let target = model.exportTarget(of: plan)
      targets[target, default: 0] += 1
      #expect(sizes.target(of: plan).rawValue == target.rawValue)
      let written = try exporter.export(
        plan, to: path, as: target, replacing: true, cancellation: CancellationFlag())
      let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      #expect(size == written)
      #expect(size == sizes.byteCount(of: plan), "part \(part) seed \(seed) \(target)")
    }
    #expect((targets[.gguf] ?? 0 > 10) == (part % 2 == 0))
    #expect(targets[.safetensors] ?? 0 > 10)
  }

  @Test func sizesCountFactorsAndBlockTypesThatArePlain() throws {
    let wide = try WideModel()
    let models = [try wide.model(), try FixtureModel(name: "gpt2").hub()]
    for model in models {
      let sizes = model.sizeModel
      for seed in 0..<40 as Range<UInt64> {
        var random = RandomSource(seed: seed)
        let plan = Plan.random(
          for: model.sites, formats: exportable, share: random.nextUnit(), rankShare: 0.5,
          using: &random)
        #expect(
          try sizes.byteCount(of: plan, as: .safetensors)
            == model.exportByteCount(of: plan, as: .safetensors), "seed \(seed)")
      }
    }
  }

  @Test func everyFormatReadsBackAsTheValuesThatWereEvaluated() throws {
    let model = try FixtureModel(name: "llama").gguf()
    let compressor = SiteCompressor(
      reference: WeightStore(model: model, byteBudget: 1 << 24), byteBudget: 1 << 24)
    let directory = try TemporaryDirectory()
    for format in exportable {
      let treatment = Treatment(format: format)
      let sites = model.sites.filter { treatment.byteCount(for: $0) != nil }.prefix(4)
      let plan = Plan(
        treatments: Dictionary(uniqueKeysWithValues: sites.map { ($0.name, treatment) }))
      let path = directory.file("out.safetensors")
      try ModelExporter(model: model, pool: ComputePool(threadCount: 2)).export(
        plan, to: path, as: .safetensors, replacing: true, cancellation: CancellationFlag())
      let file = try ViseFile(path: path)
      for site in sites where plan.change(of: site) != nil {
        let read = try file.site(site.name)
        #expect(read.format == format)
        #expect(
          try read.values().values
            == compressor.values(of: site, under: treatment).values,
          "\(format.name) \(site.name)")
      }
    }
  }

  @Test func untreatedTensorsKeepTheirBytesAndBlockTypesAreNamed() throws {
    let wide = try WideModel()
    let model = try wide.model()
    let path = wide.directory.file("out.safetensors")
    var plan = Plan()
    plan["blk.0.attn_k.weight"] = Treatment(format: NumberFormat(name: "int4:g64"))
    try ModelExporter(model: model, pool: ComputePool(threadCount: 1))
      .export(plan, to: path, as: .safetensors, cancellation: CancellationFlag())
    let file = try ViseFile(path: path)
    #expect(file.sites["blk.0.attn_k.weight"]?.format == NumberFormat(name: "int4:g64"))
    #expect(file.sites["blk.0.ffn_up.weight"]?.format == .ggml(.q6_K))
    #expect(file.sites["blk.0.ffn_gate.weight"] == nil)
    #expect(
      try file.site("blk.0.ffn_up.weight").values().values
        == model.decodeWeight("blk.0.ffn_up.weight").values)
    #expect(throws: ViseFileError.noSuchSite("x")) { try file.site("x") }
    #expect(throws: ViseFileError.notOurs(path: wide.path)) { try ViseFile(path: wide.path) }
  }

  @Test func truncatedFilesAreRefused() throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: "llama").gguf()
    var plan = Plan()
    plan["blk.0.attn_k.weight"] = Treatment(format: NumberFormat(name: "int4:g8"))
    let path = directory.file("out.safetensors")
    try ModelExporter(model: model, pool: ComputePool(threadCount: 1))
      .export(plan, to: path, as: .safetensors, cancellation: CancellationFlag())
    let data = try Data(contentsOf: URL(filePath: path))
    for count in [0, 7, 8, 100, data.count - 1] {
      try data.prefix(count).write(to: URL(filePath: path))
      #expect(throws: ViseFileError.self) { try ViseFile(path: path) }
    }
  }

  @Test func cancellingLeavesNothing() throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: "llama").gguf()
    let exporter = ModelExporter(model: model, pool: ComputePool(threadCount: 1))
    for target in [ExportTarget.safetensors, .dense, .compressedTensors] {
      let flag = CancellationFlag()
      #expect(throws: CancelledError.self) {
        try exporter.export(
          Plan(), to: directory.file("out"), as: target, cancellation: flag
        ) { done, _ in if done > 0 { flag.cancel() } }
      }
      #expect(directory.contents.isEmpty)
    }
  }
}
