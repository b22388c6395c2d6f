import Testing
import ViseTensor

@testable import ViseFormats

/// Metadata with one key of every type.
func sampleMetadata() -> Metadata {
  var metadata = Metadata()
  metadata["general.architecture"] = .string("llama")
  metadata["a.u8"] = .uint8(200)
  metadata["a.i8"] = .int8(-3)
  metadata["a.u16"] = .uint16(60_000)
  metadata["a.i16"] = .int16(-30_000)
  metadata["a.u32"] = .uint32(4_000_000_000)
  metadata["a.i32"] = .int32(-2_000_000_000)
  metadata["a.f32"] = .float32(1.5)
  metadata["a.bool"] = .bool(true)
  metadata["a.u64"] = .uint64(.max)
  metadata["a.i64"] = .int64(.min)
  metadata["a.f64"] = .float64(-0.25)
  metadata["a.strings"] = .array(
    MetadataArray(elementType: .string, values: [.string("é"), .string(""), .string("x y")]))
  metadata["a.ints"] = .array(
    MetadataArray(elementType: .int32, values: [.int32(1), .int32(-1)]))
  let inner = MetadataArray(elementType: .uint8, values: [.uint8(7)])
  metadata["a.nested"] = .array(MetadataArray(elementType: .array, values: [.array(inner)]))
  return metadata
}

let sampleTensors = [
  GGUFLayout.Tensor(name: "token_embd.weight", shape: [3, 32], type: .q8_0),
  GGUFLayout.Tensor(name: "norm.weight", shape: [5], type: .f32),
  GGUFLayout.Tensor(name: "cube", shape: [2, 3, 4], type: .f16),
  GGUFLayout.Tensor(name: "scalar", shape: [], type: .f64),
]

/// Bytes that differ from tensor to tensor and from place to place.
func sampleBytes(tensor: Int, count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ tensor &* 17) }
}

func writeSample(_ layout: GGUFLayout, to path: String, replacing: Bool = false) throws {
  try GGUFWriter.write(layout, to: path, replacing: replacing) { index, sink in
    let bytes = sampleBytes(tensor: index, count: layout.records[index].byteCount)
    try sink.write(Array(bytes.prefix(3)))
    try sink.write(Array(bytes.dropFirst(3)))
  }
}

private struct Stop: Error {}

@Suite struct GGUFWriterTests {
  @Test func writtenFileReadsBackAsPlanned() throws {
    let directory = try TemporaryDirectory()
    let layout = try GGUFLayout(metadata: sampleMetadata(), tensors: sampleTensors)
    let path = directory.file("model.gguf")
    try writeSample(layout, to: path)
    let checkpoint = try Checkpoint.open(path)
    #expect(checkpoint.byteCount == layout.byteCount)
    #expect(checkpoint.tensors == layout.records)
    #expect(checkpoint.metadata.keys == sampleMetadata().keys)
    for key in sampleMetadata().keys {
      #expect(checkpoint.metadata[key] == sampleMetadata()[key])
    }
    for (index, record) in checkpoint.tensors.enumerated() {
      let bytes = checkpoint.withBytes(of: record) { Array($0) }
      #expect(bytes == sampleBytes(tensor: index, count: record.byteCount))
    }
    #expect(directory.contents == ["model.gguf"])
  }

  @Test func metadataIsCopiedByteForByte() throws {
    let directory = try TemporaryDirectory()
    let layout = try GGUFLayout(metadata: sampleMetadata(), tensors: sampleTensors)
    // A truth value stored as 2 is read as true and must still be copied as 2.
    var header = layout.header()
    let key = Array("a.bool".utf8) + [7, 0, 0, 0]
    let place = try #require(
      header.indices.dropLast(key.count).first { header[$0...].starts(with: key) })
    header[place + key.count] = 2
    let data = [UInt8](repeating: 1, count: layout.byteCount - layout.headerByteCount)
    let source = try directory.write(header + data, to: "source.gguf")
    var metadata = try Checkpoint.open(source).metadata
    #expect(metadata["a.bool"] == .bool(true))
    metadata["general.file_type"] = .uint32(7)
    let copy = try GGUFLayout(metadata: metadata, tensors: sampleTensors).header()
    let end = try #require(
      header.indices.dropLast(8).first { header[$0...].starts(with: "token_embd".utf8) })
    #expect(Array(copy[24..<(end - 8)]) == Array(header[24..<(end - 8)]))
  }

  @Test func alignmentKeyIsObeyed() throws {
    var metadata = sampleMetadata()
    metadata["general.alignment"] = .uint32(256)
    let layout = try GGUFLayout(metadata: metadata, tensors: sampleTensors)
    #expect(layout.records.allSatisfy { $0.offset % 256 == 0 })
    #expect(layout.byteCount % 256 == 0)
    #expect(layout.header().count == layout.headerByteCount)
  }

  @Test func existingFileIsKeptUnlessReplacing() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([1, 2, 3], to: "model.gguf")
    let layout = try GGUFLayout(metadata: sampleMetadata(), tensors: sampleTensors)
    #expect(throws: WriteError.alreadyExists(path: path)) { try writeSample(layout, to: path) }
    #expect(try Checkpoint.openBytes(path) == [1, 2, 3])
    try writeSample(layout, to: path, replacing: true)
    #expect(try Checkpoint.open(path).tensors.count == 4)
  }

  @Test func failureLeavesNoFileAndKeepsTheOldOne() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([1, 2, 3], to: "model.gguf")
    let layout = try GGUFLayout(metadata: sampleMetadata(), tensors: sampleTensors)
    #expect(throws: Stop.self) {
      try GGUFWriter.write(layout, to: path, replacing: true) { index, sink in
        guard index < 2 else { throw Stop() }
        try sink.write(sampleBytes(tensor: index, count: layout.records[index].byteCount))
      }
    }
    #expect(directory.contents == ["model.gguf"])
    #expect(try Checkpoint.openBytes(path) == [1, 2, 3])
  }

  @Test func cancelledTaskLeavesNoFile() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("model.gguf")
    let task = Task {
      let layout = try GGUFLayout(metadata: sampleMetadata(), tensors: sampleTensors)
      try GGUFWriter.write(layout, to: path) { index, sink in
        try sink.write(sampleBytes(tensor: index, count: layout.records[index].byteCount))
        withUnsafeCurrentTask { $0?.cancel() }
      }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(directory.contents.isEmpty)
  }

  @Test func wrongTensorLengthIsRefused() throws {
    let directory = try TemporaryDirectory()
    let layout = try GGUFLayout(metadata: Metadata(), tensors: sampleTensors)
    #expect(
      throws: WriteError.wrongByteCount(tensor: "token_embd.weight", expected: 102, written: 1)
    ) {
      try GGUFWriter.write(layout, to: directory.file("m.gguf")) { _, sink in
        try sink.write([0])
      }
    }
    #expect(directory.contents.isEmpty)
  }

  @Test func moreThanTheDiskHoldsIsRefusedBeforeWriting() throws {
    let directory = try TemporaryDirectory()
    let huge = [GGUFLayout.Tensor(name: "huge", shape: [1 << 50], type: .f32)]
    let layout = try GGUFLayout(metadata: Metadata(), tensors: huge)
    let error = #expect(throws: WriteError.self) {
      try GGUFWriter.write(layout, to: directory.file("m.gguf")) { _, _ in
        Issue.record("asked for data")
      }
    }
    guard case .notEnoughSpace(_, let needed, let available) = error else {
      Issue.record("unexpected \(String(describing: error))")
      return
    }
    #expect(needed > available)
    #expect(directory.contents.isEmpty)
  }

  @Test(arguments: [
    (
      [GGUFLayout.Tensor(name: "a", shape: [2, 31], type: .q4_0)],
      GGUFLayoutError.unevenRows(tensor: "a", columns: 31, type: .q4_0)
    ),
    (
      [GGUFLayout.Tensor(name: "a", shape: [0], type: .f32)],
      GGUFLayoutError.invalidShape(tensor: "a", shape: [0])
    ),
    (
      [GGUFLayout.Tensor(name: "a", shape: [1, 1, 1, 1, 1], type: .f32)],
      GGUFLayoutError.invalidShape(tensor: "a", shape: [1, 1, 1, 1, 1])
    ),
    (
      [
        GGUFLayout.Tensor(name: "a", shape: [1], type: .f32),
        GGUFLayout.Tensor(name: "a", shape: [2], type: .f32),
      ], GGUFLayoutError.duplicateTensor("a")
    ),
  ])
  func impossibleLayoutIsRefused(tensors: [GGUFLayout.Tensor], error: GGUFLayoutError) {
    #expect(throws: error) { try GGUFLayout(metadata: Metadata(), tensors: tensors) }
  }

  @Test func splitKeysAreLeftOut() throws {
    var metadata = sampleMetadata()
    metadata["split.no"] = .uint16(0)
    metadata["split.count"] = .uint16(3)
    metadata["split.tensors.count"] = .int32(9)
    let layout = try GGUFLayout(metadata: metadata, tensors: [])
    #expect(layout.metadata.keys == sampleMetadata().keys)
  }
}

extension Checkpoint {
  static func openBytes(_ path: String) throws -> [UInt8] {
    try MappedFile(path: path).withBytes { Array($0) }
  }
}
