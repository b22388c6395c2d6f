import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Folders for Hugging Face's tools: plain floats, and compressed-tensors' packed integers.
@Suite struct HubExportTests {
  private let pool = ComputePool(threadCount: 2)

  @Test(arguments: FixtureModel.all)
  func aGGUFFileAsAFolderGivesTheSameLogits(name: String) throws {
    let fixture = FixtureModel(name: name)
    let model = try fixture.gguf()
    let directory = try TemporaryDirectory()
    let folder = directory.file("out")
    let bytes = try ModelExporter(model: model, pool: pool).export(
      Plan(), to: folder, as: .dense, floats: .f32, cancellation: CancellationFlag())
    #expect(bytes == (try model.exportByteCount(of: Plan(), as: .dense, floats: .f32)))
    #expect(bytes == (try byteCount(of: folder)))
    let tokens = try fixture.golden().tokens
    let written = try ModelRun(try Model(path: folder)).logits(tokens)
    #expect(largestDifference(written, try ModelRun(model).logits(tokens)) < 1e-4)
  }

  @Test(arguments: FixtureModel.all)
  func aFolderOfAFolderHasItsBytes(name: String) throws {
    let model = try FixtureModel(name: name).hub()
    let directory = try TemporaryDirectory()
    let folder = directory.file("out")
    try ModelExporter(model: model, pool: pool).export(
      Plan(), to: folder, as: .dense, floats: .f32, cancellation: CancellationFlag())
    let written = try Model(path: folder)
    for tensor in model.checkpoint.tensors {
      #expect(written.checkpoint.record(named: tensor.name)?.shape == tensor.shape)
      #expect(
        try written.decodeWeight(tensor.name).values == model.decodeWeight(tensor.name).values)
    }
    #expect(
      try written.program.get().configuration == model.program.get().configuration)
  }

  @Test func aPlansValuesAreWhatWasEvaluated() throws {
    let model = try FixtureModel(name: "gemma3").gguf()
    let store = WeightStore(model: model, byteBudget: 1 << 24)
    var random = RandomSource(seed: 4)
    let plan = Plan.random(
      for: model.sites, formats: NumberFormat.everyKind, share: 1, using: &random)
    let evaluated = PlannedWeights(
      model: model, plan: plan, reference: store,
      compressor: SiteCompressor(reference: store, byteBudget: 1 << 24))
    let directory = try TemporaryDirectory()
    try ModelExporter(model: model, pool: pool).export(
      plan, to: directory.file("out"), as: .dense, floats: .f32, cancellation: CancellationFlag())
    let written = try Model(path: directory.file("out"))
    #expect(written.sites.count == model.sites.count)
    for (ours, theirs) in zip(model.sites, written.sites) {
      #expect(
        try evaluated.weight(ours.name).values == written.decodeWeight(theirs.name).values,
        "\(theirs.name)")
    }
  }

  @Test func tokenizerFilesGoWithAFolder() throws {
    let (source, directory) = (try TemporaryDirectory(), try TemporaryDirectory())
    let original = try FixtureModel(name: "llama").hub().checkpoint.path
    for name in ["model.safetensors", "config.json"] {
      try FileManager.default.copyItem(atPath: "\(original)/\(name)", toPath: source.file(name))
    }
    try Data("{\"a\": 1}".utf8).write(to: URL(filePath: source.file("tokenizer.json")))
    try Data("notes".utf8).write(to: URL(filePath: source.file("notes.txt")))
    let folder = directory.file("out")
    try ModelExporter(model: Model(path: source.path), pool: pool).export(
      Plan(), to: folder, as: .dense, floats: .f32, cancellation: CancellationFlag())
    let written = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    #expect(written == ["config.json", "model.safetensors", "tokenizer.json"])
    #expect(try String(contentsOfFile: folder + "/tokenizer.json", encoding: .utf8) == "{\"a\": 1}")
  }

  /// The packed folder, decoded from its documentation, against plain floats of the same plan.
  @Test(arguments: ["llama", "qwen2", "gemma3"], [true, false])
  func packedIntegersStandForTheEvaluatedValues(name: String, fromGGUF: Bool) throws {
    let fixture = FixtureModel(name: name)
    let model = try fromGGUF ? fixture.gguf() : fixture.hub()
    let directory = try TemporaryDirectory()
    let plan = try Self.packablePlan(for: model)
    let exporter = ModelExporter(model: model, pool: pool)
    let packed = directory.file("packed")
    let bytes = try exporter.export(
      plan, to: packed, as: .compressedTensors, cancellation: CancellationFlag())
    #expect(bytes == (try byteCount(of: packed)))
    #expect(bytes == (try model.exportByteCount(of: plan, as: .compressedTensors)))
    try exporter.export(
      plan, to: directory.file("dense"), as: .dense, cancellation: CancellationFlag())
    let dense = try Checkpoint.open(directory.file("dense"))
    let file = try Checkpoint.open(packed)
    let config = try JSONValue.reading(packed + "/config.json")
    let groups = try #require(config["quantization_config"]?["config_groups"])
    guard case .object(let members) = groups else { throw PackedError.noGroups }
    var modules = 0
    for group in members {
      let weights = try #require(group.value["weights"])
      for target in group.value["targets"]?.asArray ?? [] {
        let module = try #require(target.asString)
        let values = try PackedModule(file, module, weights).values()
        let record = try #require(dense.record(named: "\(module).weight"))
        #expect(values == dense.withBytes(of: record) { halves($0) }, "\(module)")
        modules += 1
      }
    }
    #expect(modules == plan.treatments.count)
  }

  @Test func whatVLLMJoinsMustShareOneScheme() throws {
    let model = try FixtureModel(name: "llama").gguf()
    var plan = Plan()
    plan["blk.0.attn_q.weight"] = Treatment(format: NumberFormat(name: "int4:g8"))
    plan["blk.0.attn_k.weight"] = Treatment(format: NumberFormat(name: "int8:channel"))
    plan["blk.1.ffn_up.weight"] = Treatment(format: NumberFormat(name: "int4:g8"))
    let misfits = model.misfits(of: plan, in: .compressedTensors)
    #expect(
      Set(misfits.map(\.site)) == [
        "blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight",
        "blk.1.ffn_gate.weight", "blk.1.ffn_up.weight",
      ])
    let directory = try TemporaryDirectory()
    #expect(throws: ExportError.unsuitable(misfits)) {
      try ModelExporter(model: model, pool: pool).export(
        plan, to: directory.file("out"), as: .compressedTensors, cancellation: CancellationFlag())
    }
    #expect(directory.contents.isEmpty)
  }

  @Test(arguments: [
    ("blk.0.ffn_down.weight", "int4:g16", "groups of 16 do not divide rows of 40"),
    (
      "blk.0.ffn_down.weight", "int3:g8",
      "compressed-tensors packs int4 and int8 per channel or group, not int3:g8"
    ),
    (
      "blk.0.ffn_down.weight", "int4:tensor",
      "compressed-tensors packs int4 and int8 per channel or group, not int4:tensor"
    ),
    (
      "blk.0.ffn_down.weight", "rank=8 format=int4:g8",
      "compressed-tensors has no factorized layers"
    ),
    ("token_embd.weight", "int4:g8", "vLLM reads no quantized embeddings"),
  ])
  func whatCannotBePackedIsNamed(site: String, treatment: String, reason: String) throws {
    let model = try FixtureModel(name: "llama").gguf()
    var plan = Plan()
    plan[site] = try #require(Treatment(name: treatment))
    #expect(
      model.misfits(of: plan, in: .compressedTensors) == [
        ExportMisfit(site: site, treatment: plan[site].name, reason: reason)
      ])
  }

  @Test func anExistingFolderIsReplacedOnlyWhenAsked() throws {
    let model = try FixtureModel(name: "llama").gguf()
    let directory = try TemporaryDirectory()
    let exporter = ModelExporter(model: model, pool: pool)
    let folder = directory.file("out")
    try exporter.export(Plan(), to: folder, as: .dense, cancellation: CancellationFlag())
    #expect(throws: WriteError.alreadyExists(path: folder)) {
      try exporter.export(Plan(), to: folder, as: .dense, cancellation: CancellationFlag())
    }
    try exporter.export(
      Plan(), to: folder, as: .dense, floats: .bf16, replacing: true,
      cancellation: CancellationFlag())
    #expect(try Model(path: folder).sites.allSatisfy { $0.stored == .bf16 })
    #expect(directory.contents == ["out"])
  }

  /// All that can be packed, in two schemes, one with zero points; the head where there is one.
  static func packablePlan(for model: Model) throws -> Plan {
    var plan = Plan()
    for site in model.sites {
      switch site.role {
      case .tokenEmbedding: continue
      case .ffnGate, .ffnUp: plan[site.name] = Treatment(format: NumberFormat(name: "int8:channel"))
      case .attentionQuery, .attentionKey, .attentionValue:
        plan[site.name] = Treatment(format: NumberFormat(name: "int4:g8:asym"))
      default: plan[site.name] = Treatment(format: NumberFormat(name: "int4:g8"))
      }
    }
    return plan
  }

  private func byteCount(of folder: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: folder).reduce(0) { total, name in
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
      return total + ((attributes[.size] as? Int) ?? 0)
    }
  }
}

private enum PackedError: Error { case noGroups }

private func halves(_ bytes: UnsafeRawBufferPointer) -> [Float16] {
  (0..<bytes.count / 2).map { bytes.loadUnaligned(fromByteOffset: 2 * $0, as: Float16.self) }
}

private func words(_ bytes: UnsafeRawBufferPointer) -> [UInt32] {
  (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self) }
}

/// A packed module, decoded by the documentation of compressed-tensors.
private struct PackedModule {
  let bits: Int
  let group: Int?
  let rows: Int
  let columns: Int
  let packed: [UInt32]
  let scales: [Float16]
  let zeros: [UInt32]?

  init(_ file: Checkpoint, _ module: String, _ weights: JSONValue) throws {
    func record(_ part: String) throws -> TensorRecord {
      try #require(file.record(named: "\(module).\(part)"))
    }
    bits = try #require(weights["num_bits"]?.asInt)
    group = weights["group_size"]?.asInt
    let shape = file.withBytes(of: try record("weight_shape")) { bytes in
      (0..<2).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self) }
    }
    rows = Int(shape[0])
    columns = Int(shape[1])
    packed = file.withBytes(of: try record("weight_packed"), words)
    scales = file.withBytes(of: try record("weight_scale"), halves)
    zeros =
      weights["symmetric"]?.asBool == false
      ? file.withBytes(of: try record("weight_zero_point"), words) : nil
  }

  func values() -> [Float16] {
    let perWord = 32 / bits
    let mask = UInt32(1 << bits) - 1
    let rowWords = (columns + perWord - 1) / perWord
    let spans = scales.count / rows
    return (0..<rows).flatMap { row in
      (0..<columns).map { column in
        let word = packed[row * rowWords + column / perWord]
        let code = Int(word >> UInt32(column % perWord * bits) & mask)
        let span = group.map { column / $0 } ?? 0
        var zero = 1 << (bits - 1)
        if let zeros {
          let word = zeros[row / perWord * spans + span]
          zero = Int(word >> UInt32(row % perWord * bits) & mask)
        }
        return Float16(code - zero) * scales[row * spans + span]
      }
    }
  }
}
