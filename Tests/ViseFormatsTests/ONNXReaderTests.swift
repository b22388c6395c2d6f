import Foundation
import SwiftProtobuf
import Testing
import ViseTensor

@testable import ViseFormats

private func onnxFixture(_ name: String) throws -> String {
  try #require(
    Bundle.module.url(forResource: "Fixtures/ONNX/\(name)", withExtension: nil)
  ).path
}

private func withFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "vise-onnx-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}

@Test func nodesTensorsAndVersionsAreAsTheFileHasThem() throws {
  let model = try ONNXReader.open(onnxFixture("gemm.onnx"))
  #expect(model.opsets == ["": 17])
  #expect(model.graph.nodes.map(\.type) == ["Gemm"])
  #expect(model.graph.nodes[0].inputs == ["x", "w", "b"])
  guard case .int(1) = model.graph.nodes[0].attributes["transB"] else {
    Issue.record("transB is not 1")
    return
  }
  #expect(model.graph.inputs.map(\.shape) == [[.named("n"), .fixed(4)]])
  let weight = try #require(model.graph.initializers.first { $0.name == "w" })
  #expect(weight.shape == [3, 4])
  #expect(weight.tensor?.values(Float.self) == (0..<12).map { Float($0) })
}

@Test func externalDataIsReadFromBesideTheModel() throws {
  let model = try ONNXReader.open(onnxFixture("external.onnx"))
  let weight = try #require(model.graph.initializers.first { $0.name == "w" })
  #expect(weight.tensor?.values(Float.self) == (0..<12).map { Float($0) })
}

@Test(arguments: [
  ("../external.bin", "outside"), ("/etc/passwd", "absolute"), ("a/../../external.bin", "dots"),
])
func externalDataOutsideTheFolderIsRefused(location: String, kind: String) throws {
  try withFolder { folder in
    let inner = folder.appending(path: "model")
    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: onnxFixture("external.bin"), toPath: folder.appending(path: "external.bin").path)
    let path = inner.appending(path: "m.onnx").path
    try externalModel(location: location).write(to: URL(filePath: path))
    #expect(
      throws: ONNXError(file: path, place: .tensor("w"), reason: .unsafeLocation(location))
    ) { try ONNXReader.open(path) }
  }
}

@Test func aLinkOutOfTheFolderIsRefused() throws {
  try withFolder { folder in
    let inner = folder.appending(path: "model")
    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: onnxFixture("external.bin"), toPath: folder.appending(path: "secret").path)
    try FileManager.default.createSymbolicLink(
      atPath: inner.appending(path: "data").path, withDestinationPath: "../secret")
    let path = inner.appending(path: "m.onnx").path
    try externalModel(location: "data").write(to: URL(filePath: path))
    #expect(throws: ONNXError(file: path, place: .tensor("w"), reason: .unsafeLocation("data"))) {
      try ONNXReader.open(path)
    }
  }
}

/// A model whose one tensor, 3 × 4 floats called w, lies in the file at `location`.
private func externalModel(location: String) throws -> Data {
  var tensor = PBStoredTensor()
  tensor.name = "w"
  tensor.dims = [3, 4]
  tensor.dataType = 1
  tensor.dataLocation = 1
  var entry = PBStringPair()
  entry.key = "location"
  entry.value = location
  tensor.externalData = [entry]
  return try model { $0.initializers = [tensor] }
}

private func model(_ change: (inout PBMainGraph) -> Void) throws -> Data {
  var model = PBModel()
  model.irVersion = 8
  var graph = PBMainGraph()
  change(&graph)
  model.graph = graph
  return try model.serializedBytes()
}

@Test(arguments: [
  ([Int64(3), 5], ONNXError.Reason.dataMismatch(expected: 60, found: 48)),
  ([-1, 4], .negativeDimension(-1)), ([1 << 40, 1 << 40], .sizeOverflow),
  ([1 << 30], .dataMismatch(expected: 1 << 32, found: 48)),
])
func aTensorThatLiesAboutItsShapeIsRefusedBeforeAnyMemoryIsMade(
  dims: [Int64], reason: ONNXError.Reason
) throws {
  try withFolder { folder in
    let path = folder.appending(path: "m.onnx").path
    var tensor = PBStoredTensor()
    tensor.name = "w"
    tensor.dims = dims
    tensor.dataType = 1
    tensor.floatData = [Float](repeating: 0, count: 12)
    try model { $0.initializers = [tensor] }.write(to: URL(filePath: path))
    #expect(throws: ONNXError(file: path, place: .tensor("w"), reason: reason)) {
      try ONNXReader.open(path)
    }
  }
}

@Test func aFileCutShortIsNoModel() throws {
  let whole = try Data(contentsOf: URL(filePath: onnxFixture("gemm.onnx")))
  try withFolder { folder in
    let path = folder.appending(path: "m.onnx").path
    for length in stride(from: 1, to: whole.count - 1, by: 7) {
      try whole.prefix(length).write(to: URL(filePath: path))
      #expect(throws: ONNXError.self, "\(length) bytes") { try ONNXReader.open(path) }
    }
  }
}

@Test func elementsOfFourBitsAreUnpackedLowHalfFirst() throws {
  let packed = ONNXTensor(name: "w", type: .int4, shape: [3], data: ByteRegion([0x8F, 0x07]))
  let tensor = try #require(packed.tensor)
  #expect((0..<3).map { tensor.pointer(Int8.self)[$0] } == [-1, -8, 7])
}

@Test(arguments: ["stored.npz", "deflated.npz"])
func archivesOfArraysAreRead(name: String) throws {
  let file = try ArrayFile(path: onnxFixture(name), byteLimit: 1 << 20)
  if name == "stored.npz" {
    #expect(try file.array("x").values(UInt8.self) == [0, 1, 2, 3, 4, 5])
    #expect(try file.array("x").shape == [2, 3])
    #expect(try file.array("y").values(Int64.self) == [-1, 2])
  } else {
    #expect(try file.array("x").shape == [50, 40])
    #expect(try file.array("y").values(Int64.self) == (0..<300).map { Int64($0) })
  }
}

@Test func anArchiveLargerThanAllowedIsRefused() throws {
  let path = try onnxFixture("deflated.npz")
  #expect(
    throws: ArrayFileError(
      file: path, member: "x.npy", reason: .tooLarge(bytes: 8128, limit: 1000))
  ) { try ArrayFile(path: path, byteLimit: 1000) }
}

@Test func damagedArchivesGiveTypedErrors() throws {
  let whole = try Data(contentsOf: URL(filePath: onnxFixture("deflated.npz")))
  try withFolder { folder in
    let path = folder.appending(path: "m.npz").path
    for place in stride(from: 0, to: whole.count, by: 3) {
      var bytes = whole
      bytes[place] ^= 0x55
      try bytes.write(to: URL(filePath: path))
      do throws(ArrayFileError) {
        _ = try ArrayFile(path: path, byteLimit: 1 << 20)
      } catch {
        #expect(error.file == path)
      }
    }
  }
}
