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

  @Test(arguments: [
    (smolLM, 303_415, 0xb70b_5e54_3b02_7e6f as UInt64), (gemma, 295_215, 0xc347_9fdf_587c_4710),
  ])
  func wikiTextGivesTheIdsOfLlamaCpp(model: String, count: Int, hash: UInt64) throws {
    guard let path = realModel(model), let text = sharedData("wikitext2-raw-test.txt") else {
      print("skipped: needs \(model) in $VISE_MODELS and wikitext2-raw-test.txt in $VISE_DATA")
      return
    }
    let tokenizer = try Tokenizer(checkpoint: Checkpoint.open(path))
    let ids = try TextFile(path: text).withBytes { tokenizer.encode($0) }
    #expect(ids.count == count)
    // FNV-1a over the ids, computed over llama.cpp's by the same rule.
    let found = ids.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    #expect(found == hash)
  }
}
