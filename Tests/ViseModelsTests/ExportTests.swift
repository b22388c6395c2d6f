import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// What is exported is what was predicted and what was evaluated.
@Suite struct ExportTests {
  private let pool = ComputePool(threadCount: 2)

  /// Exports `plan` and opens the result.
  private func export(_ plan: Plan, of model: Model, in directory: TemporaryDirectory) throws
    -> Model
  {
    let path = directory.file("out.gguf")
    let bytes = try ModelExporter(model: model, pool: pool)
      .export(plan, to: path, replacing: true, cancellation: CancellationFlag())
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    #expect(size == bytes)
    #expect(size == model.sizeModel.byteCount(of: plan))
    return try Model(path: path)
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func predictedSizeIsTheFilesAndEveryTensorDecodesToWhatWasEvaluated(seed: UInt64) throws {
    let wide = try WideModel(seed: seed)
    let model = try wide.model()
    var random = RandomSource(seed: seed)
    let plan = Plan.random(for: model.sites, share: 0.8, using: &random)
    let exported = try export(plan, of: model, in: wide.directory)
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    let compressor = SiteCompressor(reference: store, byteBudget: 1 << 24)
    let evaluated = PlannedWeights(
      model: model, plan: plan, reference: store, compressor: compressor)
    let treated = Set(evaluated.changes.map(\.0.name))
    #expect(exported.checkpoint.tensors.map(\.name) == model.checkpoint.tensors.map(\.name))
    for tensor in model.checkpoint.tensors {
      let written = try exported.decodeWeight(tensor.name).values
      #expect(written == (try evaluated.weight(tensor.name).values), "\(tensor.name)")
      guard !treated.contains(tensor.name) else { continue }
      #expect(try bytes(of: tensor.name, in: exported) == bytes(of: tensor.name, in: model))
    }
    let tokens: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]
    let run = try ModelRun(model)
    #expect(
      try ModelRun(exported).features(tokens).values
        == run.features(tokens, weights: evaluated).values)
  }

  private func bytes(of name: String, in model: Model) throws -> [UInt8] {
    let record = try #require(model.checkpoint.record(named: name))
    return model.checkpoint.withBytes(of: record) { Array($0) }
  }

  @Test func metadataKeepsItsOrderAndValues() throws {
    let wide = try WideModel()
    let model = try wide.model()
    var plan = Plan()
    for site in model.sites {
      plan[site.name] = Treatment(
        format: DefaultFormat.resolve(.ggml(.q4_K), for: site)?.used ?? .ggml(.f16))
    }
    let exported = try export(plan, of: model, in: wide.directory)
    let old = model.checkpoint.metadata
    let new = exported.checkpoint.metadata
    #expect(new.keys == old.keys + ["general.quantization_version"])
    for key in old.keys where key != "general.file_type" { #expect(new[key] == old[key]) }
    #expect(new["general.file_type"] == .uint32(15))
    #expect(new["general.quantization_version"] == .uint32(2))
  }

  @Test(arguments: FixtureModel.all)
  func keepingEverythingCopiesEveryTensor(name: String) throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: name).gguf()
    let exported = try export(Plan(), of: model, in: directory)
    for tensor in model.checkpoint.tensors {
      #expect(exported.checkpoint.record(named: tensor.name)?.type == tensor.type)
      #expect(try bytes(of: tensor.name, in: exported) == bytes(of: tensor.name, in: model))
    }
    let tokens = try FixtureModel(name: name).golden().tokens
    #expect(
      try ModelRun(exported).features(tokens).values == ModelRun(model).features(tokens).values)
  }

  @Test func sizeIsTheLayoutsForAnyPlan() throws {
    let wide = try WideModel()
    let models = [
      try FixtureModel(name: "gpt2").gguf(), try FixtureModel(name: "mistral").gguf(),
      try wide.model(),
    ]
    for model in models {
      let sizes = model.sizeModel
      for seed in 0..<60 as Range<UInt64> {
        var random = RandomSource(seed: seed)
        let plan = Plan.random(for: model.sites, share: random.nextUnit(), using: &random)
        #expect(
          try sizes.byteCount(of: plan) == model.exportLayout(of: plan).byteCount, "seed \(seed)")
      }
    }
  }

  @Test func anExistingFileIsNotReplacedUnlessAsked() throws {
    let wide = try WideModel()
    let model = try wide.model()
    let path = wide.directory.file("there.gguf")
    try Data([1, 2, 3]).write(to: URL(filePath: path))
    let exporter = ModelExporter(model: model, pool: pool)
    #expect(throws: WriteError.alreadyExists(path: path)) {
      try exporter.export(Plan(), to: path, cancellation: CancellationFlag())
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == Data([1, 2, 3]))
    #expect(wide.directory.contents == ["there.gguf", "wide.gguf"])
    try exporter.export(Plan(), to: path, replacing: true, cancellation: CancellationFlag())
    #expect(try Model(path: path).checkpoint.tensors.count == model.checkpoint.tensors.count)
  }

  @Test func theSourceMayBeReplacedWhileItIsMapped() throws {
    let wide = try WideModel()
    let model = try wide.model()
    let expected = try model.decodeWeight("blk.1.ffn_up.weight").values
    var plan = Plan()
    plan["blk.0.attn_q.weight"] = Treatment(format: .ggml(.q4_K))
    try ModelExporter(model: model, pool: pool)
      .export(plan, to: wide.path, replacing: true, cancellation: CancellationFlag())
    #expect(try model.decodeWeight("blk.1.ffn_up.weight").values == expected)
    #expect(try wide.model().decodeWeight("blk.1.ffn_up.weight").values == expected)
    #expect(try wide.model().site(named: "blk.0.attn_q.weight")?.stored == .q4_K)
  }

  @Test(arguments: [0, 1, 5])
  func aCancelledExportLeavesNoFile(tensors: Int) throws {
    let wide = try WideModel()
    let model = try wide.model()
    var plan = Plan()
    for site in model.sites { plan[site.name] = Treatment(format: .ggml(.q8_0)) }
    let flag = CancellationFlag()
    if tensors == 0 { flag.cancel() }
    var seen = 0
    #expect(throws: CancelledError.self) {
      try ModelExporter(model: model, pool: pool)
        .export(plan, to: wide.directory.file("out.gguf"), cancellation: flag) { _, _ in
          seen += 1
          if seen == tensors { flag.cancel() }
        }
    }
    #expect(seen == tensors)
    #expect(wide.directory.contents == ["wide.gguf"])
  }

  @Test func progressCountsAllTensorBytesOnce() throws {
    let wide = try WideModel()
    let model = try wide.model()
    var steps: [Int] = []
    var totals = Set<Int>()
    try ModelExporter(model: model, pool: pool)
      .export(Plan(), to: wide.directory.file("out.gguf"), cancellation: CancellationFlag()) {
        steps.append($0)
        totals.insert($1)
      }
    let bytes = model.checkpoint.tensors.reduce(0) { $0 + $1.byteCount }
    #expect(steps == steps.sorted())
    #expect(steps.count == model.checkpoint.tensors.count)
    #expect(steps.last == bytes)
    #expect(totals == [bytes])
  }

  @Test func aTreatmentThatDoesNotFitIsRefusedAndLeavesNoFile() throws {
    let wide = try WideModel()
    let model = try wide.model()
    let name = "blk.0.ffn_down.weight"
    let plan = Plan(treatments: [name: Treatment(format: .ggml(.q4_K))])
    #expect(
      throws: ExportError.unsuitable([
        ExportMisfit(
          site: name, treatment: "q4_K",
          reason: "q4_K needs rows divisible by 256, this site's are 288")
      ])
    ) {
      try ModelExporter(model: model, pool: pool)
        .export(plan, to: wide.directory.file("out.gguf"), cancellation: CancellationFlag())
    }
    #expect(wide.directory.contents == ["wide.gguf"])
  }

  @Test func aSplitSourceBecomesOneFile() throws {
    let wide = try WideModel(seed: 7)
    let half = WideModel.tensors.count / 2
    let parts = [Array(WideModel.tensors[..<half]), Array(WideModel.tensors[half...])]
    for (index, part) in parts.enumerated() {
      let path = wide.directory.file("part-0000\(index + 1)-of-00002.gguf")
      // The writer leaves split keys out; these are put in under another name and renamed after.
      var metadata = index == 0 ? WideModel.metadata : Metadata()
      metadata["splot.no"] = .uint16(UInt16(index))
      metadata["splot.count"] = .uint16(2)
      metadata["splot.tensors.count"] = .int32(Int32(WideModel.tensors.count))
      let layout = try GGUFLayout(metadata: metadata, tensors: part)
      try WideModel.write(layout, to: path, seed: 7)
      var data = try Data(contentsOf: URL(filePath: path))
      while let range = data.range(of: Data("splot.".utf8)) {
        data.replaceSubrange(range, with: Data("split.".utf8))
      }
      try data.write(to: URL(filePath: path))
    }
    let split = try Model(path: wide.directory.file("part-00001-of-00002.gguf"))
    let whole = try wide.model()
    #expect(split.sites == whole.sites)
    var random = RandomSource(seed: 3)
    let plan = Plan.random(for: split.sites, share: 0.5, using: &random)
    let exported = try export(plan, of: split, in: wide.directory)
    #expect(exported.checkpoint.files.count == 1)
    #expect(exported.checkpoint.metadata["split.count"] == nil)
    let data = try Data(contentsOf: URL(filePath: wide.directory.file("out.gguf")))
    _ = try export(plan, of: whole, in: wide.directory)
    #expect(try Data(contentsOf: URL(filePath: wide.directory.file("out.gguf"))) == data)
  }

  @Test func safetensorsSourcesAreRefusedByName() throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: "llama").hub()
    #expect(throws: ExportError.sourceIsNotGGUF) {
      try ModelExporter(model: model, pool: pool)
        .export(Plan(), to: directory.file("out.gguf"), cancellation: CancellationFlag())
    }
    #expect(directory.contents.isEmpty)
  }
}
