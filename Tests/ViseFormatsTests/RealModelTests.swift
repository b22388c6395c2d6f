import Testing
import ViseFormats
import ViseTensor

private let smolLM = "SmolLM2-135M-Instruct.Q4_1.gguf"
private let gemma = "gemma-3-270m-q4_k_m.gguf"

@Suite struct RealModelTests {
  @Test(.enabled(if: realModel(smolLM) != nil, "needs \(smolLM) in $VISE_MODELS"))
  func smolLMListsItsTensors() throws {
    let checkpoint = try Checkpoint.open(try #require(realModel(smolLM)))
    #expect(checkpoint.format == .gguf)
    #expect(checkpoint.byteCount == 98_362_432)
    #expect(checkpoint.tensors.count == 272)
    let types = Dictionary(grouping: checkpoint.tensors, by: \.type).mapValues(\.count)
    #expect(types == [.q4_1: 210, .q8_0: 1, .f32: 61])
    #expect(checkpoint.record(named: "token_embd.weight")?.shape == [49_152, 576])
    #expect(checkpoint.metadata["general.architecture"]?.asString == "llama")
    #expect(checkpoint.metadata["llama.block_count"]?.asInt == 30)
    #expect(checkpoint.metadata["llama.rope.freq_base"]?.asDouble == 100_000)
    #expect(checkpoint.metadata["tokenizer.ggml.tokens"]?.asStrings?.count == 49_152)
  }

  @Test(.enabled(if: realModel(gemma) != nil, "needs \(gemma) in $VISE_MODELS"))
  func gemmaListsItsTensors() throws {
    let checkpoint = try Checkpoint.open(try #require(realModel(gemma)))
    #expect(checkpoint.metadata["general.architecture"]?.asString == "gemma3")
    #expect(Set(checkpoint.tensors.map(\.type)) == [.q8_0, .q5_0, .q4_K, .q6_K, .f32])
    let last = try #require(checkpoint.tensors.max { $0.offset < $1.offset })
    #expect(last.offset + last.byteCount <= checkpoint.byteCount)
  }
}
