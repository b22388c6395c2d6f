import Testing
import ViseTensor

@testable import ViseFormats

private func tensor(_ type: String, _ shape: String, _ span: String) -> String {
  #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(span)}"#
}

private let good = tensor("F32", "[4]", "[0,16]")
private let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)

private let malformedSafetensors: [Malformed] = [
  Malformed("seven bytes", [1, 2, 3, 4, 5, 6, 7], .truncated(needed: 8, available: 7)),
  Malformed(
    "header longer than the file", safetensorsBytes("{}", data: 0, length: 900),
    .truncated(needed: 900, available: 2)),
  Malformed(
    "absurd header length", safetensorsBytes("{}", length: 1 << 62),
    .invalidHeaderLength(1 << 62)),
  Malformed("empty header", safetensorsBytes("", data: 0), .invalidJSON(.unexpectedEnd)),
  Malformed("header is a list", safetensorsBytes("[]"), .invalidJSON(.unexpectedByte(0x5B))),
  Malformed("header cut off", safetensorsBytes(#"{"a":"#), .invalidJSON(.unexpectedEnd)),
  Malformed("more after the header", safetensorsBytes("{}x"), .invalidJSON(.trailingBytes)),
  Malformed(
    "trailing comma", safetensorsBytes(#"{"a":\#(good),}"#), .invalidJSON(.unexpectedByte(0x7D))),
  Malformed(
    "key that is no UTF-8", safetensorsBytes("{\"X\":\(good)}").map { $0 == 0x58 ? 0xFF : $0 },
    .invalidJSON(.invalidUTF8)),
  Malformed(
    "half a surrogate pair", safetensorsBytes(#"{"\ud800":\#(good)}"#),
    .invalidJSON(.invalidEscape)),
  Malformed(
    "unknown escape", safetensorsBytes(#"{"\x41":\#(good)}"#), .invalidJSON(.invalidEscape)),
  Malformed(
    "line break in a string", safetensorsBytes("{\"a\nb\":\(good)}"),
    .invalidJSON(.unexpectedByte(0x0A))),
  Malformed(
    "nested beyond reason",
    safetensorsBytes(#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"x":\#(deep)}}"#),
    .invalidJSON(.nestedTooDeep)),
  Malformed(
    "tensor is a number", safetensorsBytes(#"{"a":1}"#), .invalidJSON(.unexpectedByte(0x31))),
  Malformed(
    "no type", safetensorsBytes(#"{"a":{"shape":[4],"data_offsets":[0,16]}}"#),
    .unexpectedJSON(member: "a.dtype")),
  Malformed(
    "no shape", safetensorsBytes(#"{"a":{"dtype":"F32","data_offsets":[0,16]}}"#),
    .unexpectedJSON(member: "a.shape")),
  Malformed(
    "no offsets", safetensorsBytes(#"{"a":{"dtype":"F32","shape":[4]}}"#),
    .unexpectedJSON(member: "a.data_offsets")),
  Malformed(
    "one offset", safetensorsBytes(#"{"a":\#(tensor("F32", "[4]", "[16]"))}"#),
    .unexpectedJSON(member: "a.data_offsets")),
  Malformed(
    "three offsets", safetensorsBytes(#"{"a":\#(tensor("F32", "[4]", "[0,16,32]"))}"#),
    .invalidJSON(.tooLarge)),
  Malformed(
    "member twice", safetensorsBytes(#"{"a":{"dtype":"F32","dtype":"F16"}}"#),
    .invalidJSON(.duplicateKey("dtype"))),
  Malformed(
    "type this program does not read",
    safetensorsBytes(#"{"a":\#(tensor("F8_E4M3", "[16]", "[0,16]"))}"#),
    .unsupportedElementType(tensor: "a", type: "F8_E4M3")),
  Malformed(
    "negative dimension", safetensorsBytes(#"{"a":\#(tensor("F32", "[-4]", "[0,16]"))}"#),
    .invalidJSON(.invalidNumber)),
  Malformed(
    "dimension with a fraction", safetensorsBytes(#"{"a":\#(tensor("F32", "[4.0]", "[0,16]"))}"#),
    .invalidJSON(.invalidNumber)),
  Malformed(
    "leading zero", safetensorsBytes(#"{"a":\#(tensor("F32", "[04]", "[0,16]"))}"#),
    .invalidJSON(.unexpectedByte(0x34))),
  Malformed(
    "dimension of zero", safetensorsBytes(#"{"a":\#(tensor("F32", "[0]", "[0,0]"))}"#),
    .zeroDimension(tensor: "a")),
  Malformed(
    "element count overflows",
    safetensorsBytes(#"{"a":\#(tensor("F32", "[4294967296,4294967296]", "[0,16]"))}"#),
    .sizeOverflow(tensor: "a")),
  Malformed(
    "dimension above Int",
    safetensorsBytes(#"{"a":\#(tensor("I8", "[18446744073709551615]", "[0,16]"))}"#),
    .sizeOverflow(tensor: "a")),
  Malformed(
    "span shorter than the shape", safetensorsBytes(#"{"a":\#(tensor("F32", "[4]", "[0,15]"))}"#),
    .spanMismatch(tensor: "a", expected: 16, found: 15)),
  Malformed(
    "span backwards", safetensorsBytes(#"{"a":\#(tensor("F32", "[4]", "[16,0]"))}"#),
    .tensorOutOfBounds(tensor: "a", end: 0, limit: 64)),
  Malformed(
    "span beyond the file", safetensorsBytes(#"{"a":\#(tensor("F32", "[4]", "[64,80]"))}"#),
    .tensorOutOfBounds(tensor: "a", end: 80, limit: 64)),
  Malformed(
    "tensors that overlap",
    safetensorsBytes(#"{"a":\#(good),"b":\#(tensor("F16", "[4]", "[8,16]"))}"#),
    .overlappingTensors("a", "b")),
  Malformed(
    "the same tensor twice", safetensorsBytes(#"{"a":\#(good),"a":\#(good)}"#),
    .duplicateTensor("a")),
  Malformed("empty name", safetensorsBytes(#"{"":\#(good)}"#), .invalidName),
  Malformed(
    "metadata that is no text", safetensorsBytes(#"{"__metadata__":{"a":1}}"#),
    .invalidJSON(.unexpectedByte(0x31))),
  Malformed(
    "metadata key twice", safetensorsBytes(#"{"__metadata__":{"a":"1","a":"2"}}"#),
    .duplicateKey("a")),
]

@Suite struct MalformedSafetensorsTests {
  @Test(arguments: malformedSafetensors)
  func fileIsRefusedWithItsReason(_ file: Malformed) throws {
    try file.check(ending: ".safetensors")
  }
}

@Suite struct SafetensorsTests {
  @Test func headerIsReadWithMetadataAndConfiguration() throws {
    let directory = try TemporaryDirectory()
    let header = #"""
      {"__metadata__":{"format":"pt"},"b\u00e9":\#(tensor("BF16", "[2,3]", "[16,28]")),
      "a":\#(good),"s":\#(tensor("I64", "[]", "[32,40]"))}
      """#
    let configuration = #"""
      {"model_type":"llama","hidden_size":64,"rope_scaling":{"factor":2.5,"type":null},
      "eos_token_id":[1,2],"tie":true}
      """#
    try directory.write(configuration.utf8, to: "config.json")
    try directory.write(safetensorsBytes(header), to: "model.safetensors")
    for path in [directory.path, directory.file("model.safetensors")] {
      let checkpoint = try Checkpoint.open(path)
      #expect(checkpoint.format == .safetensors)
      #expect(checkpoint.tensors.map(\.name) == ["bé", "a", "s"])
      let record = try #require(checkpoint.record(named: "bé"))
      #expect(record.shape == [2, 3])
      #expect(record.type == .bf16)
      #expect(record.offset == 8 + header.utf8.count + 16)
      #expect(checkpoint.record(named: "s")?.shape == [])
      #expect(checkpoint.metadata["safetensors.format"] == .string("pt"))
      #expect(checkpoint.metadata["hidden_size"]?.asInt == 64)
      #expect(checkpoint.metadata["rope_scaling.factor"]?.asDouble == 2.5)
      #expect(checkpoint.metadata["eos_token_id"]?.asInts == [1, 2])
      #expect(checkpoint.metadata["tie"]?.asBool == true)
      #expect(checkpoint.metadata["rope_scaling.type"] == nil)
    }
  }

  private func shards(_ index: String) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    try directory.write(safetensorsBytes(#"{"a":\#(good)}"#), to: "m-1.safetensors")
    try directory.write(
      safetensorsBytes(#"{"b":\#(good),"c":\#(tensor("F64", "[1]", "[16,24]"))}"#),
      to: "m-2.safetensors")
    try directory.write(index.utf8, to: "model.safetensors.index.json")
    return directory
  }

  @Test func shardsAreOneCheckpoint() throws {
    let directory = try shards(
      #"{"metadata":{"total_size":40},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors","c":"m-2.safetensors"}}"#
    )
    let checkpoint = try Checkpoint.open(directory.path)
    #expect(checkpoint.files.count == 2)
    #expect(checkpoint.tensors.map(\.name) == ["a", "b", "c"])
    #expect(checkpoint.record(named: "c")?.fileIndex == 1)
    #expect(
      try Checkpoint.open(directory.file("model.safetensors.index.json")).tensors
        == checkpoint.tensors)
  }

  @Test(arguments: [
    (
      #"{"weight_map":{"a":"../m-1.safetensors"}}"#,
      CheckpointError.Reason.unsafeShardName("../m-1.safetensors")
    ),
    (#"{"weight_map":{"a":"/etc/passwd"}}"#, .unsafeShardName("/etc/passwd")),
    (#"{"weight_map":{"a":"..safetensors"}}"#, .unsafeShardName("..safetensors")),
    (#"{"weight_map":{}}"#, .unexpectedJSON(member: "weight_map")),
    (#"{}"#, .unexpectedJSON(member: "weight_map")),
    (
      #"{"weight_map":{"a":"m-1.safetensors","a":"m-1.safetensors"}}"#,
      .invalidJSON(.duplicateKey("a"))
    ),
    (#"{"weight_map":{"a":"m-1.safetensors","z":"m-1.safetensors"}}"#, .missingTensor("z")),
    (#"{"weight_map":{"a":"m-2.safetensors"}}"#, .splitMismatch(key: "b")),
  ])
  func badIndexIsRefused(index: String, reason: CheckpointError.Reason) throws {
    let directory = try shards(index)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(directory.path) }
    #expect(error?.reason == reason)
  }

  @Test func missingShardIsNamed() throws {
    let directory = try shards(#"{"weight_map":{"a":"m-9.safetensors"}}"#)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(directory.path) }
    #expect(error?.file == directory.file("m-9.safetensors"))
  }
}
