import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

/// A copy of the fixture whose layers are moved a little, as fine-tuning does.
private func tuned(_ base: Model, in directory: TemporaryDirectory) throws -> Model {
  var rewrite = ModelRewrite()
  for site in base.sites where site.role != .tokenEmbedding {
    var random = RandomSource(seed: UInt64(site.index))
    rewrite.append(
      .columns((0..<site.columns).map { _ in Float(0.9 + 0.2 * random.nextUnit()) }),
      to: site.name)
  }
  let path = directory.file("tuned.gguf")
  try RewriteWriter(model: base, rewrite: rewrite, floats: .f32)
    .write(to: path, cancellation: CancellationFlag())
  return try Model(path: path)
}

@Test func fineTunedModelsKeepAShareOfTheirDeltas() throws {
  let directory = try TemporaryDirectory()
  let base = try FixtureModel(name: "llama").gguf()
  let model = try tuned(base, in: directory)
  let changed = base.sites.filter { $0.role != .tokenEmbedding }
  for ratio in [0, 0.5] {
    var rewrite = ModelRewrite()
    let count = try DeltaRewrite(DeltaPruning(ratio: ratio, seed: 5), base: base)
      .append(to: &rewrite, of: model)
    #expect(count == changed.count)
    let path = directory.file("dropped.gguf")
    try RewriteWriter(model: model, rewrite: rewrite, floats: .f32)
      .write(to: path, replacing: true, cancellation: CancellationFlag())
    let dropped = try Model(path: path)
    for site in changed {
      let (was, from) = (
        try model.decodeWeight(site.name).values, try base.decodeWeight(site.name).values
      )
      let now = try dropped.decodeWeight(site.name).values
      let spared = zip(now, from).count { $0 != $1 }
      let differing = zip(was, from).count { $0 != $1 }
      if ratio == 0 {
        #expect(zip(now, was).allSatisfy { abs($0 - $1) < 1e-5 })
      } else {
        #expect(abs(Double(spared) - 0.5 * Double(differing)) < 0.1 * Double(differing))
      }
    }
  }
}

@Test func deltasNeedAnotherModelOfTheSameShape() throws {
  var rewrite = ModelRewrite()
  let model = try FixtureModel(name: "llama").gguf()
  let pruning = DeltaPruning(ratio: 0.5, seed: 1)
  #expect(throws: RewriteError.equalToBase) {
    _ = try DeltaRewrite(pruning, base: model).append(to: &rewrite, of: model)
  }
  #expect(throws: RewriteError.self) {
    _ = try DeltaRewrite(pruning, base: FixtureModel(name: "gpt2").gguf())
      .append(to: &rewrite, of: model)
  }
}
