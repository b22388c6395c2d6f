import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

extension Tag {
  /// Compares with another program, named by an environment variable; skipped without it.
  @Tag static var peer: Self
}

private let environment = ProcessInfo.processInfo.environment
private let python = environment["VISE_PEER_PYTHON"]

/// Exported files as the `gguf` Python package decodes them.
@Suite(.tags(.peer), .enabled(if: python != nil, "needs $VISE_PEER_PYTHON with numpy and gguf"))
struct ExportPeerTests {
  @Test(arguments: NumberFormat.encodable)
  func everyFormatDecodesToTheSameBits(type: StorageType) throws {
    let wide = try WideModel()
    let model = try wide.model()
    var plan = Plan()
    for site in model.sites {
      let used = try #require(DefaultFormat.resolve(.ggml(type), for: site)).used
      plan[site.name] = Treatment(format: used)
    }
    try expectSameBits(plan, model)
  }

  @Test(
    .serialized,
    arguments: ["SmolLM2-135M-Instruct.Q4_1.gguf", "gemma-3-270m-q4_k_m.gguf", "story-lm-f16.gguf"])
  func realModelsUnderMixedPlansDecodeToTheSameBits(name: String) throws {
    guard let path = Self.realModel(name) else { return }
    let model = try Model(path: path)
    var random = RandomSource(seed: 5)
    try expectSameBits(Plan.random(for: model.sites, share: 0.8, using: &random), model)
  }

  /// Exports, lets the peer decode the file, and compares its values with ours.
  private func expectSameBits(_ plan: Plan, _ model: Model) throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("out.gguf")
    let bytes = try ModelExporter(model: model, pool: ComputePool(threadCount: 2))
      .export(plan, to: path, cancellation: CancellationFlag())
    #expect(bytes == model.sizeModel.byteCount(of: plan))
    let exported = try Model(path: path)
    let names = try decodeWithPeer(path, into: directory.file("out.f32"))
    try #require(names == exported.checkpoint.tensors.map(\.name))
    let values = try MappedFile(path: directory.file("out.f32"))
    var offset = 0
    for tensor in exported.checkpoint.tensors {
      let ours = try exported.decodeWeight(tensor.name)
      let end = offset + ours.buffer.byteCount
      try #require(end <= values.byteCount)
      let isEqual = values.withBytes(in: offset..<end) {
        $0.elementsEqual(ours)
      }
      #expect(isEqual, "\(tensor.name) as \(tensor.type.name)")
      offset = end
    }
    #expect(offset == values.byteCount)
  }

  /// Runs the script on `path` and returns the tensors' names.
  private func decodeWithPeer(_ path: String, into output: String) throws -> [String] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let process = Process()
    process.executableURL = URL(filePath: try #require(python))
    process.arguments = [tests.appending(path: "Peers/check_export.py").path, path, output]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// Where a real model lies: the sample beside the sources, others in `$VISE_MODELS`.
  private static func realModel(_ name: String) -> String? {
    let sample = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "SampleModels/story-lm/\(name)").path
    let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "") + "/.cache"
    let models = environment["VISE_MODELS"] ?? cache + "/vise/models"
    return [sample, "\(models)/\(name)"].first { FileManager.default.fileExists(atPath: $0) }
  }
}

extension UnsafeRawBufferPointer {
  /// Whether these are the bytes of the matrix' values.
  fileprivate func elementsEqual(_ matrix: Matrix) -> Bool {
    withExtendedLifetime(matrix) {
      guard let baseAddress, count == matrix.count * MemoryLayout<Float>.stride else {
        return false
      }
      return memcmp(baseAddress, matrix.pointer, count) == 0
    }
  }
}
