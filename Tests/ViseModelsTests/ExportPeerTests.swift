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

private let python = ProcessInfo.processInfo.environment["VISE_PEER_PYTHON"]

/// Exported files as the `gguf` Python package decodes them.
@Suite(.tags(.peer), .enabled(if: python != nil, "needs $VISE_PEER_PYTHON with numpy and gguf"))
struct ExportPeerTests {
  @Test(arguments: NumberFormat.encodable)
  func everyTensorDecodesToTheSameBits(type: StorageType) throws {
    let wide = try WideModel()
    let model = try wide.model()
    var plan = Plan()
    for site in model.sites {
      let used = try #require(DefaultFormat.resolve(.ggml(type), for: site)).used
      plan[site.name] = Treatment(format: used)
    }
    let path = wide.directory.file("out.gguf")
    try ModelExporter(model: model, pool: ComputePool(threadCount: 2))
      .export(plan, to: path, cancellation: CancellationFlag())
    let exported = try Model(path: path)
    let lines = try decodedByPeer(path)
    #expect(lines.count == exported.checkpoint.tensors.count)
    for tensor in exported.checkpoint.tensors {
      let checksum = CRC32.checksum(try exported.decodeWeight(tensor.name).values)
      let line = "\(checksum) \(tensor.type.name.uppercased()) \(tensor.name)"
      #expect(lines.contains(line), "\(line)")
    }
  }

  /// What the script prints for the file at `path`, by line.
  private func decodedByPeer(_ path: String) throws -> [String] {
    let script = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Peers/check_export.py").path
    let process = Process()
    process.executableURL = URL(filePath: try #require(python))
    process.arguments = [script, path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}

/// The CRC-32 of zlib and PNG (ISO 3309).
private enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? 0xedb8_8320 ^ (crc >> 1) : crc >> 1 }
  }

  /// The checksum of the values' bytes, in eight hexadecimal digits.
  static func checksum(_ values: [Float]) -> String {
    let crc = values.withUnsafeBytes { bytes in
      bytes.reduce(UInt32.max) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ ($0 >> 8) }
    }
    let digits = String(~crc, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
