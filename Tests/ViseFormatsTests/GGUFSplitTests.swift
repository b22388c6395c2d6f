import Testing
import ViseTensor

@testable import ViseFormats

@Suite struct GGUFSplitTests {
  /// Writes part `number` (from 1) of a set.
  private func part(
    _ number: Int, of count: Int, in directory: TemporaryDirectory, place: Int? = nil,
    total: Int32 = 2, tensor: String
  ) throws {
    var bytes = GGUFBytes(tensors: 1, keys: 3)
    bytes = bytes.key("split.no", type: .uint16).raw([UInt8(place ?? number - 1), 0])
    bytes = bytes.key("split.count", type: .uint16).raw([UInt8(count), 0])
    bytes = bytes.key("split.tensors.count", type: .int32).u32(UInt32(bitPattern: total))
    bytes = bytes.tensor(tensor, dimensions: [4]).data(16)
    try directory.write(bytes.bytes, to: "m-0000\(number)-of-0000\(count).gguf")
  }

  @Test func setOpensFromAnyOfItsFiles() throws {
    let directory = try TemporaryDirectory()
    try part(1, of: 2, in: directory, tensor: "a")
    try part(2, of: 2, in: directory, tensor: "b")
    for name in ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"] {
      let checkpoint = try Checkpoint.open(directory.file(name))
      #expect(checkpoint.tensors.map(\.name) == ["a", "b"])
      #expect(checkpoint.tensors.map(\.fileIndex) == [0, 1])
      #expect(checkpoint.metadata["split.no"]?.asInt == 0)
    }
  }

  @Test func folderWithOneModelOpensIt() throws {
    let directory = try TemporaryDirectory()
    try part(1, of: 2, in: directory, tensor: "a")
    try part(2, of: 2, in: directory, tensor: "b")
    #expect(try Checkpoint.open(directory.path).tensors.map(\.name) == ["a", "b"])
    try directory.write(
      GGUFBytes(tensors: 1).tensor("c", dimensions: [4]).data(16).bytes, to: "other.gguf")
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(directory.path) }
    #expect(error?.reason == .severalModels(["m-00001-of-00002.gguf", "other.gguf"]))
  }

  @Test func missingPartIsNamed() throws {
    let directory = try TemporaryDirectory()
    try part(1, of: 2, in: directory, tensor: "a")
    let error = #expect(throws: CheckpointError.self) {
      try Checkpoint.open(directory.file("m-00001-of-00002.gguf"))
    }
    #expect(error?.file == directory.file("m-00002-of-00002.gguf"))
  }

  @Test func partsThatDisagreeAreRefused() throws {
    func reason(_ prepare: (TemporaryDirectory) throws -> Void) throws -> CheckpointError.Reason? {
      let directory = try TemporaryDirectory()
      try part(1, of: 2, in: directory, tensor: "a")
      try prepare(directory)
      return #expect(throws: CheckpointError.self) {
        try Checkpoint.open(directory.file("m-00001-of-00002.gguf"))
      }?.reason
    }
    #expect(
      try reason { try part(2, of: 2, in: $0, place: 0, tensor: "b") }
        == .splitMismatch(key: "split.no"))
    #expect(
      try reason { try part(2, of: 2, in: $0, tensor: "a") } == .duplicateTensor("a"))
    #expect(
      try reason {
        try part(1, of: 2, in: $0, total: 3, tensor: "a")
        try part(2, of: 2, in: $0, tensor: "b")
      } == .splitMismatch(key: "split.tensors.count"))
  }

  @Test func partUnderAnotherNameIsRefused() throws {
    let directory = try TemporaryDirectory()
    try part(1, of: 2, in: directory, tensor: "a")
    let bytes = try Checkpoint.openBytes(directory.file("m-00001-of-00002.gguf"))
    let path = try directory.write(bytes, to: "renamed.gguf")
    #expect(throws: CheckpointError(file: path, offset: nil, reason: .notASplitName)) {
      try Checkpoint.open(path)
    }
  }
}
