import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

private let environment = ProcessInfo.processInfo.environment
private let python = environment["VISE_PEER_PYTHON"]
private let torchPython = environment["VISE_PEER_TORCH_PYTHON"]

/// Runs a script of `Tests/Peers` and returns what it prints, line by line.
private func run(_ python: String?, _ script: String, _ arguments: [String]) throws -> [String] {
  let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  let process = Process()
  process.executableURL = URL(filePath: try #require(python))
  process.arguments = [tests.appending(path: "Peers/\(script)").path] + arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  try #require(process.terminationStatus == 0)
  return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
}

/// Vise's own layout as a NumPy decoder written from its documentation reads it.
@Suite(.tags(.peer), .enabled(if: python != nil, "needs $VISE_PEER_PYTHON with numpy"))
struct ViseLayoutPeerTests {
  private static let known = [
    "int4:g8", "int4:g16:asym", "int3:g16:asym", "int8:channel", "int5:tensor", "int6:tensor:asym",
    "aff4:g8", "aff3:channel", "fp8:channel", "fp8:tensor", "fp8_e5m2:g8", "fp6:mx", "fp6:g8",
    "fp6_e3m2:channel", "fp4:g16", "fp4:g16:dense", "fp4:mx", "nf4:g8", "nf4:channel",
    "nf4:g8:dense", "kmeans4:tensor", "kmeans2:r5", "kmeans3:channel", "kmeans3:g8", "f16",
    "bf16", "split84:k8:g8", "split63:k12:g16:asym", "saq4:s8", "saq2:s16",
    "lq3:r4:g8", "lq4:r2:channel:asym", "rex2x4:g8", "rex3x2:g16:asym:s40", "int4:g8:acc14",
  ]

  @Test(arguments: known)
  func formatsDecodeToTheSameBits(name: String) throws {
    let format = try #require(NumberFormat(name: name))
    let model = try FixtureModel(name: "llama").gguf()
    var plan = Plan()
    for site in model.sites where format.misfit(columns: site.columns) == nil {
      plan[site.name] = Treatment(format: format)
    }
    let directory = try TemporaryDirectory()
    let path = directory.file("out.safetensors")
    try ModelExporter(model: model, pool: ComputePool(threadCount: 2)).export(
      plan, to: path, as: .safetensors, cancellation: CancellationFlag())
    let output = directory.file("out.f32")
    let names = try run(python, "decode_vise.py", [path, output])
    #expect(Set(names) == Set(model.sites.filter { plan.change(of: $0) != nil }.map(\.name)))
    let file = try ViseFile(path: path)
    let data = try Data(contentsOf: URL(filePath: output))
    var offset = 0
    for name in names {
      let ours = try file.site(name).values().values.withUnsafeBytes { Data($0) }
      let end = min(offset + ours.count, data.count)
      #expect(data[offset..<end] == ours, "\(name) as \(format.name)")
      offset = end
    }
    #expect(offset == data.count)
  }
}

extension ViseLayoutPeerTests {
  /// Products are summed in another order; what the factors are is compared bit for bit above.
  @Test(arguments: [
    "rank=16 format=int4:g8", "rank=8 format=nf4:g8", "prune=0.3 rank=12 format=f16",
    "structure=kronecker:4x8:3 format=f16", "structure=blocks:4 format=int4:g8",
    "structure=toeplitz format=int8:channel", "structure=hankel format=bf16",
    "structure=displacement:2 format=f16", "structure=shared:all:6 format=int8:g8",
  ])
  func factorsMultiplyToTheValues(name: String) throws {
    let treatment = try #require(Treatment(name: name))
    let model = try FixtureModel(name: "llama").gguf()
    var plan = Plan()
    let width = model.sites.first?.columns
    for site in model.sites where treatment.byteCount(for: site) != nil {
      if treatment.sharesBasis, site.columns != width { continue }
      plan[site.name] = treatment
    }
    let directory = try TemporaryDirectory()
    let path = directory.file("out.safetensors")
    try ModelExporter(model: model, pool: ComputePool(threadCount: 2)).export(
      plan, to: path, as: .safetensors, cancellation: CancellationFlag())
    let output = directory.file("out.f32")
    let names = try run(python, "decode_vise.py", [path, output])
    #expect(Set(names) == Set(plan.treatments.keys))
    let file = try ViseFile(path: path)
    let ours = try names.flatMap { try file.site($0).values().values }
    let theirs = try Data(contentsOf: URL(filePath: output)).withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    #expect(ours.map { abs($0) }.max() ?? 0 > 0.1)
    #expect(largestDifference(ours, theirs) < 1e-5)
  }
}

/// Packed folders as the compressed-tensors package reads them.
@Suite(
  .tags(.peer),
  .enabled(if: torchPython != nil, "needs $VISE_PEER_TORCH_PYTHON with compressed-tensors"))
struct CompressedTensorsPeerTests {
  @Test(.serialized, arguments: ["llama", "qwen2", "gemma3"], [true, false])
  func thePackageUnpacksTheEvaluatedValues(name: String, fromGGUF: Bool) throws {
    let fixture = FixtureModel(name: name)
    let model = try fromGGUF ? fixture.gguf() : fixture.hub()
    let plan = try HubExportTests.packablePlan(for: model)
    let directory = try TemporaryDirectory()
    let exporter = ModelExporter(model: model, pool: ComputePool(threadCount: 2))
    let packed = directory.file("packed")
    let dense = directory.file("dense")
    try exporter.export(
      plan, to: packed, as: .compressedTensors, cancellation: CancellationFlag())
    try exporter.export(plan, to: dense, as: .dense, cancellation: CancellationFlag())
    let lines = try run(torchPython, "check_compressed_tensors.py", [packed, dense])
    #expect(lines == ["\(plan.treatments.count)"])
  }
}
