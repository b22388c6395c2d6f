import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

@testable import ViseEvaluation

/// A finished calibration of the sample, changed in one place before it is opened.
private struct Forgery {
  var metadata: [String: String]
  var tensors: [(layout: SafetensorsLayout.Tensor, bytes: [UInt8])]

  init(_ path: String) throws {
    let file = try Checkpoint.openSafetensorsFile(path)
    metadata = Dictionary(
      uniqueKeysWithValues: file.metadata.entries.map {
        (String($0.key.dropFirst("safetensors.".count)), $0.value.asString ?? "")
      })
    tensors = file.tensors.map { record in
      let element: SafetensorsElement =
        switch record.type {
        case .f64: .f64
        case .i64: .i64
        default: .f32
        }
      return (
        SafetensorsLayout.Tensor(name: record.name, shape: record.shape, element: element),
        file.withBytes(of: record) { Array($0) }
      )
    }
  }

  func write(to path: String) throws {
    let layout = try SafetensorsLayout(metadata: metadata, tensors: tensors.map(\.layout))
    try SafetensorsWriter.write(layout, to: path, replacing: true) { index, sink in
      try sink.write(tensors[index].bytes)
    }
  }
}

private struct Sample {
  let folder: URL
  let path: String
  let model: Model

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appending(path: "vise-forgery-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.appending(path: "c.safetensors").path
    let sample = try SampleSession(windows: 1, windowLength: 16)
    model = sample.session.model
    let collector = try CalibrationCollector(
      session: sample.session, text: sample.text,
      settings: CalibrationCollector.Settings(path: path, sumsByteCount: 1 << 30, source: "test"))
    _ = try collector.run(cancellation: CancellationFlag())
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }
}

@Test func forgedMetadataIsRefused() throws {
  let sample = try Sample()
  defer { sample.remove() }
  let honest = try Forgery(sample.path)
  for (key, value) in [
    ("vise.kind", "recipe"), ("vise.version", "2"), ("vise.window", "-4"), ("vise.window", "x"),
    ("vise.windows", "0"), ("vise.windows", "99999999999999999999"), ("vise.windows_done", "0"),
    ("vise.windows_done", "2"), ("vise.windows", "7"),
  ] {
    var forged = honest
    forged.metadata[key] = value
    try forged.write(to: sample.path)
    #expect(throws: CalibrationError.notACalibration(path: sample.path), "\(key) = \(value)") {
      try CalibrationFile(path: sample.path, model: sample.model)
    }
  }
  var other = honest
  other.metadata["vise.model"] = "0123456789abcdef"
  try other.write(to: sample.path)
  #expect(throws: CalibrationError.wrongModel(path: sample.path)) {
    try CalibrationFile(path: sample.path, model: sample.model)
  }
}

@Test func forgedShapesAndTypesAreRefused() throws {
  let sample = try Sample()
  defer { sample.remove() }
  let honest = try Forgery(sample.path)
  let name = honest.tensors[0].layout.name.replacing(".gram", with: "")
  let count = honest.tensors[0].bytes.count / 4
  for change in [
    SafetensorsLayout.Tensor(name: name + ".gram", shape: [1, count], element: .f32),
    SafetensorsLayout.Tensor(name: name + ".gram", shape: [count / 2], element: .i64),
    SafetensorsLayout.Tensor(name: "elsewhere", shape: [count], element: .f32),
  ] {
    var forged = honest
    forged.tensors[0].layout = change
    forged.tensors[0].bytes = [UInt8](
      repeating: 0, count: change.shape.reduce(1, *) * change.element.byteCount)
    try forged.write(to: sample.path)
    #expect(throws: CalibrationError.unusableInput(path: sample.path, name: name)) {
      try CalibrationFile(path: sample.path, model: sample.model)
    }
  }
}

@Test func valuesThatAreNoNumbersAreRefusedWhenAskedFor() throws {
  let sample = try Sample()
  defer { sample.remove() }
  let honest = try Forgery(sample.path)
  let site = try #require(sample.model.site(named: "blk.0.attn_k.weight"))
  for index in 0..<4 {
    var forged = honest
    let isDouble = forged.tensors[index].layout.element == .f64
    let bits = isDouble ? Double.nan.bitPattern : UInt64(Float.infinity.bitPattern)
    withUnsafeBytes(of: bits.littleEndian) {
      let size = isDouble ? 8 : 4
      forged.tensors[index].bytes.replaceSubrange(0..<size, with: $0.prefix(size))
    }
    try forged.write(to: sample.path)
    let file = try CalibrationFile(path: sample.path, model: sample.model)
    #expect(throws: CalibrationError.notFinite(name: "blk.0.attn_q.weight")) {
      try file.statistics(of: site)
    }
  }
}

@Test func truncatedFilesAreRefused() throws {
  let sample = try Sample()
  defer { sample.remove() }
  let whole = try Data(contentsOf: URL(filePath: sample.path))
  for length in [0, 7, 8, 100, whole.count / 2, whole.count - 1] {
    try whole.prefix(length).write(to: URL(filePath: sample.path))
    #expect(throws: CheckpointError.self, "\(length) bytes") {
      try CalibrationFile(path: sample.path, model: sample.model)
    }
  }
}

@Test func aDamagedPartialFileIsStartedOver() throws {
  let sample = try Sample()
  defer { sample.remove() }
  let session = try SampleSession(windows: 2, windowLength: 16)
  let path = sample.folder.appending(path: "d").path
  try Data(contentsOf: URL(filePath: sample.path)).prefix(5000).write(
    to: URL(filePath: path + ".partial"))
  let collector = try CalibrationCollector(
    session: session.session, text: session.text,
    settings: CalibrationCollector.Settings(path: path, sumsByteCount: 1 << 30, source: "test"))
  #expect(try collector.run(cancellation: CancellationFlag()).resumedWindowCount == 0)
}
