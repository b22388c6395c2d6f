import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Models whose value heads have become shorter.
@Suite struct ValueFactoringTests {
  private static let tokens: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]

  /// A model with some weights replaced.
  private struct Replaced: WeightSource {
    let base: WeightStore
    let weights: [String: Matrix]

    func weight(_ key: String) throws -> Matrix { try weights[key] ?? base.weight(key) }
  }

  private func factored(
    _ model: Model, rank: Int, _ calibration: ObservedCalibration?, in directory: TemporaryDirectory
  ) throws -> Model {
    var rewrite = ModelRewrite()
    let changes = try ValueFactoring(rank: rank, model: model, calibration: calibration)
      .append(to: &rewrite)
    #expect(changes.count == (try model.program.get().configuration.blockCount))
    #expect(changes.allSatisfy { $0.energy > 0.3 && $0.energy < 1 })
    let path = directory.file("short.gguf")
    let bytes = try RewriteWriter(model: model, rewrite: rewrite, floats: .f32)
      .write(to: path, replacing: true, cancellation: CancellationFlag())
    let short = try Model(path: path)
    #expect(short.fileByteCount == bytes)
    return short
  }

  @Test(arguments: ["llama", "qwen2", "gemma3"], [true, false])
  func shorterValueHeadsComputeTheProductOfTheirFactors(name: String, isCalibrated: Bool) throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: name).gguf()
    let run = try ModelRun(model)
    let calibration =
      isCalibrated ? try ObservedCalibration(run, tokens: Self.tokens) : nil
    let old = try model.program.get().configuration
    let rank = old.headLength * 3 / 4
    let short = try factored(model, rank: rank, calibration, in: directory)
    let new = try short.program.get().configuration
    #expect(new.valueLength == rank && new.headLength == old.headLength)
    var changed: [String: Matrix] = [:]
    for block in 0..<old.blockCount {
      let (value, output) = ("blk.\(block).attn_v.weight", "blk.\(block).attn_output.weight")
      #expect(short.site(named: value)?.rows == old.keyValueHeads * rank)
      #expect(short.site(named: output)?.columns == old.heads * rank)
      changed[output] = try widened(short, model, value: value, output: output, old, rank)
    }
    let expected = try run.features(
      Self.tokens, weights: Replaced(base: run.weights, weights: changed)
    ).values
    let found = try ModelRun(short).features(Self.tokens).values
    let scale = expected.map { abs($0) }.max() ?? 1
    #expect(largestDifference(found, expected) < 2e-3 * scale)
    #expect(largestDifference(try run.features(Self.tokens).values, expected) > 1e-3 * scale)
  }

  /// W_O'·A, which reads the values as they were: A solves A·W_V = W_V' by least squares.
  private func widened(
    _ short: Model, _ model: Model, value: String, output: String, _ old: DecoderConfiguration,
    _ rank: Int
  ) throws -> Matrix {
    let (before, after) = (try model.decodeWeight(value), try short.decodeWeight(value))
    let columns = try short.decodeWeight(output)
    let (length, group) = (old.headLength, old.heads / old.keyValueHeads)
    let result = Matrix(rows: columns.rows, columns: old.heads * length)
    for head in 0..<old.heads {
      let shared = head / group
      let own = before.rows(shared * length..<(shared + 1) * length)
      let less = after.rows(shared * rank..<(shared + 1) * rank)
      let inverse = try LinearAlgebra.inverseSymmetric(LinearAlgebra.productTransposed(own, own))
      let narrowing = LinearAlgebra.product(LinearAlgebra.productTransposed(less, own), inverse)
      let part = LinearAlgebra.product(
        columns.columns(head * rank..<(head + 1) * rank), narrowing)
      withExtendedLifetime((part, result)) {
        for row in 0..<part.rows {
          (result.row(row) + head * length).update(from: part.row(row), count: length)
        }
      }
    }
    return result
  }

  @Test(arguments: ["llama", "qwen2"])
  func shortValueHeadsDecodePruneAndExport(name: String) throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: name).gguf()
    let rank = try model.program.get().configuration.headLength / 2
    let short = try factored(model, rank: rank, nil, in: directory)
    let run = try ModelRun(short)
    let store = WeightStore(model: short, byteBudget: 1 << 24)
    let compressor = SiteCompressor(reference: store, byteBudget: 1 << 24)
    let decoder = try Decoder(
      model: short, plan: Plan(), compressor: compressor, capacity: Self.tokens.count, threads: 2,
      pool: ComputePool(threadCount: 2), cancellation: CancellationFlag())
    let logits = try run.logits(Self.tokens)
    let stepped = try Self.tokens.flatMap { token in
      try decoder.read([token])
      return decoder.withLogits { Array($0) }
    }
    #expect(largestDifference(stepped, logits) < 1e-3)
    decoder.reset()
    try decoder.read(Self.tokens)
    let last = decoder.withLogits { Array($0) }
    #expect(largestDifference(last, Array(logits.suffix(last.count))) < 1e-3)

    var plan = Plan()
    for site in short.sites where site.role == .attentionOutput {
      plan[site.name] = try #require(Treatment(name: "prune=0.5 pattern=channels"))
    }
    let path = directory.file("pruned.gguf")
    let bytes = try ModelExporter(model: short, pool: ComputePool(threadCount: 2))
      .export(plan, to: path, cancellation: CancellationFlag())
    #expect(bytes == short.sizeModel.byteCount(of: plan))
    let expected = try run.features(
      Self.tokens,
      weights: PlannedWeights(
        model: short, plan: plan, reference: store, compressor: compressor)
    ).values
    let pruned = try Model(path: path)
    #expect(try pruned.program.get().configuration.valueLength == rank)
    let found = try ModelRun(pruned).features(Self.tokens).values
    let scale = expected.map { abs($0) }.max() ?? 1
    #expect(largestDifference(found, expected) < 1e-4 * scale)
    #expect(throws: ExportError.untranslatable("heads of values and keys that differ in length")) {
      try short.exportByteCount(of: Plan(), as: .dense)
    }
  }

  @Test func headsThatCannotBecomeShorterAreRefused() throws {
    var rewrite = ModelRewrite()
    let fused = try FixtureModel(name: "gpt2").gguf()
    #expect(
      throws: RewriteError.notFactorable(
        reason: "values are not made by a projection of their own")
    ) { _ = try ValueFactoring(rank: 2, model: fused, calibration: nil).append(to: &rewrite) }
    let model = try FixtureModel(name: "llama").gguf()
    for rank in [0, try model.program.get().configuration.headLength] {
      #expect(throws: RewriteError.self) {
        _ = try ValueFactoring(rank: rank, model: model, calibration: nil).append(to: &rewrite)
      }
    }
  }
}
