import Foundation
import Testing
import ViseTensor

@testable import ViseFormats

private let folder = FileManager.default.temporaryDirectory

private func withPath(_ body: (String) throws -> Void) throws {
  let path = folder.appending(path: "vise-\(UUID().uuidString).safetensors").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  try body(path)
}

private func layout() throws -> SafetensorsLayout {
  try SafetensorsLayout(
    metadata: ["format": "pt", "odd \"key\"\n": "va\\lue\u{1}ü"],
    tensors: [
      .init(name: "a", shape: [2, 3], element: .f32), .init(name: "b\"ü", shape: [], element: .f16),
      .init(name: "c", shape: [5], element: .i8),
      .init(name: "d", shape: [1, 1, 2], element: .i64),
    ])
}

@Test func writtenTensorsAreReadBack() throws {
  try withPath { path in
    let layout = try layout()
    try SafetensorsWriter.write(layout, to: path) { index, sink in
      try sink.write([UInt8](repeating: UInt8(index + 1), count: layout.byteCounts[index]))
    }
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    #expect(size == layout.byteCount)
    #expect(layout.header.count % 8 == 0)
    let file = try Checkpoint.openSafetensorsFile(path)
    #expect(file.metadata["safetensors.odd \"key\"\n"]?.asString == "va\\lue\u{1}ü")
    #expect(file.tensors.map(\.name) == ["a", "b\"ü", "c", "d"])
    #expect(file.tensors.map(\.shape) == [[2, 3], [], [5], [1, 1, 2]])
    #expect(file.tensors.map(\.type) == [.f32, .f16, .i8, .i64])
    for (index, record) in file.tensors.enumerated() {
      #expect(file.withBytes(of: record) { $0.allSatisfy { $0 == UInt8(index + 1) } })
    }
  }
}

@Test(arguments: SafetensorsElement.allCases)
func everyElementTypeTakesItsBytes(element: SafetensorsElement) throws {
  let layout = try SafetensorsLayout(
    tensors: [.init(name: "x", shape: [3, 7], element: element)])
  #expect(layout.byteCounts == [21 * element.byteCount])
  let header = String(decoding: layout.header.dropFirst(8), as: UTF8.self)
  #expect(header.contains("\"dtype\":\"\(element.rawValue)\",\"shape\":[3,7]"))
  #expect(header.contains("\"data_offsets\":[0,\(21 * element.byteCount)]"))
}

@Test func layoutsNoReaderAcceptsAreRefused() {
  let good = SafetensorsLayout.Tensor(name: "x", shape: [1], element: .f32)
  #expect(throws: SafetensorsLayoutError.duplicateTensor("x")) {
    try SafetensorsLayout(tensors: [good, good])
  }
  for name in ["", "__metadata__"] {
    #expect(throws: SafetensorsLayoutError.invalidName(name)) {
      try SafetensorsLayout(tensors: [.init(name: name, shape: [1], element: .f32)])
    }
  }
  for shape in [[0], [-1], [Int.max, 2], [Int.max], [Int](repeating: 1, count: 9)] {
    #expect(throws: SafetensorsLayoutError.invalidShape(tensor: "x", shape: shape)) {
      try SafetensorsLayout(tensors: [.init(name: "x", shape: shape, element: .f32)])
    }
  }
}

@Test func tooFewBytesLeaveNoFile() throws {
  try withPath { path in
    #expect(throws: WriteError.wrongByteCount(tensor: "a", expected: 24, written: 3)) {
      try SafetensorsWriter.write(try layout(), to: path) { _, sink in try sink.write([1, 2, 3]) }
    }
    #expect(!FileManager.default.fileExists(atPath: path))
    let leftovers = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(!leftovers.contains { path.hasSuffix($0.prefix(40)) && $0.hasSuffix(".part") })
  }
}
