import Glibc
import Testing
import ViseTensor

@testable import ViseFormats

/// One damaged file, and what must be said of it.
struct Malformed: Sendable, CustomTestStringConvertible {
  let name: String
  let bytes: [UInt8]
  let reason: CheckpointError.Reason

  init(_ name: String, _ bytes: [UInt8], _ reason: CheckpointError.Reason) {
    self.name = name
    self.bytes = bytes
    self.reason = reason
  }

  var testDescription: String { name }

  /// Opens the bytes as a file with this ending and expects the error.
  func check(ending: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(bytes, to: "model" + ending)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path) }
    #expect(error?.reason == reason)
    #expect(error?.file == path)
    if let offset = error?.offset { #expect((0...bytes.count).contains(offset)) }
  }
}

private let one = GGUFBytes(tensors: 1)
private let two = GGUFBytes(tensors: 2)
private let key = GGUFBytes(keys: 1)
private let padding = [UInt8](repeating: 0, count: 64)

private let malformedGGUF: [Malformed] = [
  Malformed("empty file", [], .truncated(needed: 4, available: 0)),
  Malformed("three bytes", Array("GGU".utf8), .truncated(needed: 4, available: 3)),
  Malformed("wrong magic", GGUFBytes(magic: "GGML").bytes, .unknownFormat),
  Malformed("no version", Array("GGUF".utf8), .truncated(needed: 4, available: 0)),
  Malformed("version 1", GGUFBytes(version: 1).bytes, .unsupportedVersion(1)),
  Malformed("version 4", GGUFBytes(version: 4).bytes, .unsupportedVersion(4)),
  Malformed("big-endian", GGUFBytes(version: 0x0300_0000).bytes, .bigEndian),
  Malformed(
    "no counts", Array(GGUFBytes().bytes.prefix(8)), .truncated(needed: 8, available: 0)),
  Malformed(
    "more tensors than bytes", GGUFBytes(tensors: 1 << 60).raw(padding).bytes,
    .implausible(.tensors, count: 1 << 60, limit: 2)),
  Malformed(
    "more keys than bytes", GGUFBytes(keys: .max).raw(padding).bytes,
    .implausible(.keys, count: .max, limit: 4)),
  Malformed(
    "key longer than the file", key.string("general.name", length: 1 << 40).raw(padding).bytes,
    .implausible(.stringBytes, count: 1 << 40, limit: 76)),
  Malformed(
    "key length near the top", key.string("k", length: .max).raw(padding).bytes,
    .implausible(.stringBytes, count: .max, limit: 65)),
  Malformed(
    "key of 70,000 bytes", key.string(String(repeating: "k", count: 70_000)).raw(padding).bytes,
    .implausible(.nameBytes, count: 70_000, limit: 65_535)),
  Malformed("empty key", key.string("").u32(4).u32(1).bytes, .invalidName),
  Malformed(
    "key that is no UTF-8", key.u64(2).raw([0xC3, 0x28]).u32(4).u32(1).bytes, .invalidName),
  Malformed(
    "unknown value type", key.string("k").u32(13).u64(0).bytes,
    .unknownValueType(key: "k", type: 13)),
  Malformed(
    "value cut off", key.key("k", type: .uint64).u32(1).bytes,
    .truncated(needed: 8, available: 4)),
  Malformed(
    "string value longer than the file", key.key("k", type: .string).string("v", length: 99).bytes,
    .implausible(.stringBytes, count: 99, limit: 1)),
  Malformed(
    "array longer than the file",
    key.key("k", type: .array).u32(10).u64(1 << 61).raw(padding).bytes,
    .implausible(.arrayElements, count: 1 << 61, limit: 8)),
  Malformed(
    "array of strings longer than the file",
    key.key("k", type: .array).u32(8).u64(9).raw(padding).bytes,
    .implausible(.arrayElements, count: 9, limit: 8)),
  Malformed(
    "string in an array too long", key.key("k", type: .array).u32(8).u64(1).u64(5).u32(0).bytes,
    .implausible(.stringBytes, count: 5, limit: 4)),
  Malformed(
    "array of an unknown type", key.key("k", type: .array).u32(99).u64(0).bytes,
    .unknownValueType(key: "k", type: 99)),
  Malformed(
    "arrays in arrays without end",
    (0..<6).reduce(key.key("k", type: .array)) { bytes, _ in bytes.u32(9).u64(1) }
      .raw(padding).bytes, .nestedTooDeep(key: "k")),
  Malformed(
    "the same key twice",
    GGUFBytes(keys: 2).key("k", type: .uint32).u32(1).key("k", type: .uint32).u32(2).bytes,
    .duplicateKey("k")),
  Malformed(
    "alignment of zero", key.key("general.alignment", type: .uint32).u32(0).bytes,
    .invalidAlignment(0)),
  Malformed(
    "alignment of 48", key.key("general.alignment", type: .uint32).u32(48).bytes,
    .invalidAlignment(48)),
  Malformed(
    "alignment as text", key.key("general.alignment", type: .string).string("32").bytes,
    .invalidValue(key: "general.alignment")),
  Malformed("empty tensor name", one.tensor("", dimensions: [4]).data(64).bytes, .invalidName),
  Malformed(
    "tensor name of 300 bytes",
    one.tensor(String(repeating: "t", count: 300), dimensions: [4]).data(64).bytes,
    .implausible(.nameBytes, count: 300, limit: 255)),
  Malformed(
    "five dimensions", one.tensor("t", dimensions: [1, 1, 1, 1, 1]).data(64).bytes,
    .tooManyDimensions(tensor: "t", count: 5)),
  Malformed(
    "dimensions without end", one.string("t").u32(.max).data(64).bytes,
    .tooManyDimensions(tensor: "t", count: UInt64(UInt32.max))),
  Malformed(
    "dimension of zero", one.tensor("t", dimensions: [4, 0]).data(64).bytes,
    .zeroDimension(tensor: "t")),
  Malformed(
    "negative dimension", one.tensor("t", dimensions: [UInt64.max]).data(64).bytes,
    .sizeOverflow(tensor: "t")),
  Malformed(
    "element count overflows", one.tensor("t", dimensions: [1 << 40, 1 << 40]).data(64).bytes,
    .sizeOverflow(tensor: "t")),
  Malformed(
    "byte count overflows", one.tensor("t", dimensions: [1 << 61]).data(64).bytes,
    .sizeOverflow(tensor: "t")),
  Malformed(
    "unknown tensor type", one.tensor("t", dimensions: [32], type: 4).data(64).bytes,
    .unknownTensorType(tensor: "t", type: 4)),
  Malformed(
    "rows that are no whole blocks", one.tensor("t", dimensions: [33, 32], type: 2).data(64).bytes,
    .unevenRows(tensor: "t", columns: 33, blockLength: 32)),
  Malformed(
    "offset off the alignment", one.tensor("t", dimensions: [4], offset: 16).data(64).bytes,
    .misalignedTensor(tensor: "t", alignment: 32)),
  Malformed(
    "data cut off", one.tensor("t", dimensions: [16]).data(63).bytes,
    .tensorOutOfBounds(tensor: "t", end: 128, limit: 127)),
  Malformed(
    "offset beyond the file",
    one.tensor("t", dimensions: [4], offset: 1 << 50).data(64).bytes,
    .tensorOutOfBounds(tensor: "t", end: 1 << 50 + 80, limit: 128)),
  Malformed(
    "offset that overflows",
    one.tensor("t", dimensions: [4], offset: .max - 31).data(64).bytes,
    .tensorOutOfBounds(tensor: "t", end: .max, limit: 128)),
  Malformed(
    "the same tensor twice",
    two.tensor("t", dimensions: [4]).tensor("t", dimensions: [4], offset: 32).data(64).bytes,
    .duplicateTensor("t")),
  Malformed(
    "tensors that overlap",
    two.tensor("a", dimensions: [16]).tensor("b", dimensions: [4], offset: 32).data(96).bytes,
    .overlappingTensors("a", "b")),
  Malformed(
    "tensors at one place",
    two.tensor("a", dimensions: [4]).tensor("b", dimensions: [4]).data(96).bytes,
    .overlappingTensors("a", "b")),
  Malformed(
    "tensor list cut off", two.tensor("a", dimensions: [16]).string("b").bytes,
    .truncated(needed: 4, available: 0)),
]

@Suite struct MalformedGGUFTests {
  @Test(arguments: malformedGGUF)
  func fileIsRefusedWithItsReason(_ file: Malformed) throws {
    try file.check(ending: ".gguf")
  }

  @Test func vocabularyOnlyFileNeedsNoData() throws {
    let directory = try TemporaryDirectory()
    let bytes = key.key("k", type: .uint32).u32(7).bytes
    let checkpoint = try Checkpoint.open(directory.write(bytes, to: "v.gguf"))
    #expect(checkpoint.tensors.isEmpty)
    #expect(checkpoint.metadata["k"] == .uint32(7))
  }

  @Test func version2IsRead() throws {
    let directory = try TemporaryDirectory()
    let bytes = GGUFBytes(version: 2, tensors: 1).tensor("t", dimensions: [2, 3]).data(32).bytes
    let checkpoint = try Checkpoint.open(directory.write(bytes, to: "m.gguf"))
    #expect(checkpoint.record(named: "t")?.shape == [3, 2])
  }

  @Test func placesThatAreNoFilesAreRefused() throws {
    let directory = try TemporaryDirectory()
    let missing = directory.file("missing.gguf")
    #expect(
      throws: CheckpointError(
        file: missing, offset: nil, reason: .unreadable(.cannotOpen(path: missing, code: 2)))
    ) { try Checkpoint.open(missing) }
    #expect(
      throws: CheckpointError(file: directory.path, offset: nil, reason: .emptyDirectory)
    ) { try Checkpoint.open(directory.path) }
    let pipe = directory.file("pipe.gguf")
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(
      throws: CheckpointError(
        file: pipe, offset: nil, reason: .unreadable(.notARegularFile(path: pipe)))
    ) { try Checkpoint.open(pipe) }
    #expect(throws: StorageError.notARegularFile(path: directory.path)) {
      try MappedFile(path: directory.path)
    }
    let empty = try directory.write([], to: "empty")
    #expect(try MappedFile(path: empty).withBytes { $0.count } == 0)
  }
}
