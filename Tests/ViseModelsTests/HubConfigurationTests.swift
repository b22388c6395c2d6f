import Testing
import ViseTensor

@testable import ViseFormats
@testable import ViseModels

/// The ways `config.json` has said one thing over the years.
@Suite struct HubConfigurationTests {
  @Test func ropeParametersReplaceThetaAndScaling() throws {
    let old = try FixtureModel(name: "llama").hub()
    let model = try changed("llama") { metadata in
      for key in metadata.keys where key.hasPrefix("rope_") {
        let value = metadata[key]
        metadata[key] = nil
        let member = key.split(separator: ".").last ?? ""
        metadata["rope_parameters.\(member)"] = value
      }
    }
    #expect(model.checkpoint.metadata["rope_parameters.rope_theta"] != nil)
    #expect(try model.program.get().configuration == old.program.get().configuration)
  }

  @Test func eachKindOfBlockMayHaveRopeParametersOfItsOwn() throws {
    let old = try FixtureModel(name: "gemma3").hub()
    let model = try changed("gemma3") { metadata in
      for key in metadata.keys where key.hasPrefix("rope_") { metadata[key] = nil }
      metadata["rope_parameters.full_attention.rope_type"] = .string("linear")
      metadata["rope_parameters.full_attention.factor"] = .float64(8)
      metadata["rope_parameters.full_attention.rope_theta"] = .float64(1e6)
      metadata["rope_parameters.sliding_attention.rope_type"] = .string("default")
      metadata["rope_parameters.sliding_attention.rope_theta"] = .float64(1e4)
    }
    #expect(try model.program.get().configuration == old.program.get().configuration)
  }

  @Test func gemmasLocalBlocksFollowFromAPeriodWhereNoneAreNamed() throws {
    let old = try FixtureModel(name: "gemma3").hub().program.get().configuration
    let model = try changed("gemma3") { $0["layer_types"] = nil }
    #expect(try model.program.get().configuration == old)
    let halved = try changed("gemma3") {
      $0["layer_types"] = nil
      $0["sliding_window_pattern"] = .int64(2)
    }
    let local = try halved.program.get().configuration.localBlocks
    #expect(local == [true, false, true, false, true, false, true])
  }

  @Test func gemmaWithImagesKeepsItsTextModelApart() throws {
    let old = try FixtureModel(name: "gemma3").hub()
    let model = try changed("gemma3") { metadata in
      for key in metadata.keys where key != "model_type" {
        let value = metadata[key]
        metadata[key] = nil
        metadata["text_config.\(key)"] = value
      }
      metadata["model_type"] = .string("gemma3")
    }
    #expect(try model.program.get().configuration == old.program.get().configuration)
  }

  @Test func mistralsWindowHoldsForAllBlocksAndOthersAskForTheirs() throws {
    let mistral = try changed("mistral") { $0["sliding_window"] = .int64(5) }
    let windows = try mistral.program.get().configuration
    #expect((0..<2).map { windows.window(ofBlock: $0) } == [5, 5])
    let plain = try FixtureModel(name: "qwen2").hub().program.get().configuration
    #expect((0..<2).map { plain.window(ofBlock: $0) } == [nil, nil])
    let asked = try changed("qwen2") { $0["use_sliding_window"] = .bool(true) }
    let some = try asked.program.get().configuration
    #expect((0..<2).map { some.window(ofBlock: $0) } == [nil, 8])
  }

  @Test func aWindowChangesOnlyWhatLiesBeyondIt() throws {
    let tokens = try FixtureModel(name: "mistral").golden().tokens
    let full = try ModelRun(try FixtureModel(name: "mistral").hub()).features(tokens)
    let windowed = try ModelRun(try changed("mistral") { $0["sliding_window"] = .int64(5) })
      .features(tokens)
    #expect(largestDifference(full.rows(0..<5).values, windowed.rows(0..<5).values) < 1e-5)
    #expect(largestDifference(full.rows(5..<48).values, windowed.rows(5..<48).values) > 0.1)
  }

  @Test func namesOfWrappedModelsMapToTheSameWeights() {
    for wrapper in ["", "model.", "language_model.model.", "model.language_model."] {
      let key = wrapper + "layers.3.self_attn.q_proj.weight"
      #expect(HuggingFaceNames.canonical(key, architecture: "gemma3") == "blk.3.attn_q.weight")
    }
    let vision = "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight"
    #expect(HuggingFaceNames.canonical(vision, architecture: "gemma3") == nil)
    #expect(HuggingFaceNames.canonical("h.0.attn.bias", architecture: "gpt2") == nil)
  }

  private func changed(_ name: String, _ change: (inout Metadata) -> Void) throws -> Model {
    let checkpoint = try FixtureModel(name: name).hub().checkpoint
    var metadata = checkpoint.metadata
    change(&metadata)
    return Model(checkpoint: try checkpoint.with(metadata: metadata))
  }
}
