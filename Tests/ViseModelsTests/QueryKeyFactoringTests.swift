import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// Models whose query and key heads have become shorter.
@Suite struct QueryKeyFactoringTests {
  private static let tokens: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]

  private func factored(
    _ model: Model, rank: Int, _ calibration: ObservedCalibration?, in directory: TemporaryDirectory
  ) throws -> (model: Model, energies: [Double]) {
    var rewrite = ModelRewrite()
    let changes = try QueryKeyFactoring(rank: rank, model: model, calibration: calibration)
      .append(to: &rewrite)
    let path = directory.file("short.gguf")
    try RewriteWriter(model: model, rewrite: rewrite, floats: .f32)
      .write(to: path, replacing: true, cancellation: CancellationFlag())
    return (try Model(path: path), changes.map(\.energy))
  }

  /// Queries and keys of a block under inputs of one head, from the fused projection.
  private struct Scores {
    let query: Matrix
    let key: Matrix
    let queryBias: Matrix
    let keyBias: Matrix

    init(_ model: Model, block: Int, head: Int) throws {
      let configuration = try model.program.get().configuration
      let (length, heads) = (configuration.headLength, configuration.heads)
      let weight = try model.decodeWeight("blk.\(block).attn_qkv.weight")
      let bias = try model.decodeWeight("blk.\(block).attn_qkv.bias")
      let queries = head * length..<(head + 1) * length
      let keys = (heads + head) * length..<(heads + head + 1) * length
      query = weight.rows(queries)
      key = weight.rows(keys)
      queryBias = bias.columns(queries)
      keyBias = bias.columns(keys)
      scale = configuration.attentionScale
    }

    let scale: Float

    /// The scaled W_Qᵀ·W_K, and b_Qᵀ·W_K below it: all of a score that depends on the key.
    func product() -> [Double] {
      let above = LinearAlgebra.product(query.transposed(), key)
      let below = LinearAlgebra.product(queryBias, key)
      return (above.values + below.values).map { Double($0) * Double(scale) }
    }
  }

  @Test func withoutCalibrationTheScoresAreTheNearestOfTheirRank() throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: "gpt2").gguf()
    let old = try model.program.get().configuration
    let rank = old.headLength / 2
    let (short, energies) = try factored(model, rank: rank, nil, in: directory)
    let new = try short.program.get().configuration
    #expect(new.headLength == rank && new.valueLength == old.headLength)
    #expect(energies.count == old.blockCount && energies.allSatisfy { $0 > 0.3 && $0 < 1 })
    for block in 0..<old.blockCount {
      for head in 0..<old.heads {
        let before = try Scores(model, block: block, head: head).product()
        let after = try Scores(short, block: block, head: head).product()
        let columns = old.width
        let stacked = Matrix(
          rows: before.count / columns, columns: columns, values: before.map { Float($0) })
        // Eckart and Young: what is lost is what the singular values beyond the rank hold.
        let spectrum = try LinearAlgebra.symmetricEigen(
          LinearAlgebra.productTransposed(stacked.transposed(), stacked.transposed())
        ).values
        let expected = spectrum.dropLast(rank).reduce(0.0) { $0 + Double($1) }
        let found = zip(before, after).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let whole = before.reduce(0.0) { $0 + $1 * $1 }
        #expect(abs(found - expected) < 2e-3 * whole)
      }
    }
  }

  @Test func calibratedHeadsComeNearerToTheModelsFeatures() throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: "gpt2").gguf()
    let run = try ModelRun(model)
    let length = try model.program.get().configuration.headLength
    let expected = try run.features(Self.tokens).values
    let calibration = try ObservedCalibration(run, tokens: Self.tokens)
    func distance(_ calibration: ObservedCalibration?, rank: Int) throws -> Double {
      let short = try factored(model, rank: rank, calibration, in: directory).model
      let found = try ModelRun(short).features(Self.tokens).values
      return zip(found, expected).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    }
    let energy = expected.reduce(0.0) { $0 + Double($1 * $1) }
    let calibrated = try distance(calibration, rank: length / 2)
    #expect(calibrated < (try distance(nil, rank: length / 2)))
    // Eight tokens have keys of seven directions about their mean: with so many nothing is lost.
    if length > 8 { #expect(try distance(calibration, rank: 8) < 1e-4 * energy) }
    #expect(calibrated > 0)
  }

  @Test func shortHeadsDecodeTokenByTokenAndTakePlans() throws {
    let directory = try TemporaryDirectory()
    let model = try FixtureModel(name: "gpt2").gguf()
    let rank = try model.program.get().configuration.headLength / 2
    let short = try factored(model, rank: rank, nil, in: directory).model
    let compressor = SiteCompressor(
      reference: WeightStore(model: short, byteBudget: 1 << 24), byteBudget: 1 << 24)
    let decoder = try Decoder(
      model: short, plan: Plan(), compressor: compressor, capacity: Self.tokens.count, threads: 2,
      pool: ComputePool(threadCount: 2), cancellation: CancellationFlag())
    let stepped = try Self.tokens.flatMap { token in
      try decoder.read([token])
      return decoder.withLogits { Array($0) }
    }
    #expect(largestDifference(stepped, try ModelRun(short).logits(Self.tokens)) < 1e-3)
    let path = directory.file("planned.gguf")
    var plan = Plan()
    for site in short.sites where site.role == .attentionOutput {
      plan[site.name] = try #require(Treatment(name: "prune=0.5"))
    }
    let bytes = try ModelExporter(model: short, pool: ComputePool(threadCount: 2))
      .export(plan, to: path, cancellation: CancellationFlag())
    #expect(bytes == short.sizeModel.byteCount(of: plan))
    #expect(try Model(path: path).program.get().configuration.headLength == rank)
    #expect(
      throws: ExportError.untranslatable("heads of values and keys that differ in length")
    ) { try short.exportByteCount(of: Plan(), as: .dense) }
  }

  @Test func rotaryEmbeddingsRefuseItWithTheReason() throws {
    var rewrite = ModelRewrite()
    for name in FixtureModel.all where name != "gpt2" {
      let model = try FixtureModel(name: name).gguf()
      let error = #expect(throws: RewriteError.self) {
        _ = try QueryKeyFactoring(rank: 2, model: model, calibration: nil).append(to: &rewrite)
      }
      guard case .notFactorable(let reason)? = error else { continue }
      #expect(reason.contains("rotary embedding"))
    }
    let model = try FixtureModel(name: "gpt2").gguf()
    for rank in [0, 3, try model.program.get().configuration.headLength] {
      #expect(throws: RewriteError.self) {
        _ = try QueryKeyFactoring(rank: rank, model: model, calibration: nil).append(to: &rewrite)
      }
    }
  }
}
