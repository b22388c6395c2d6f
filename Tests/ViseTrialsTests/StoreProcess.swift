import Foundation
import Testing

/// A run of the program that fills or checks stores.
final class StoreProcess {
  private let process = Process()
  private let output = Pipe()
  private let errors = Pipe()

  /// The program that was built beside this test bundle.
  private static var program: URL {
    get throws {
      let bundle = try URL(filePath: #require(CommandLine.arguments.first))
      let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let folders = [bundle.deletingLastPathComponent(), root.appending(path: ".build/debug")]
      return try #require(
        folders.map { $0.appending(path: "StoreFixture") }.first {
          FileManager.default.isExecutableFile(atPath: $0.path)
        })
    }
  }

  init(_ arguments: [String]) throws {
    process.executableURL = try Self.program
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    try process.run()
  }

  /// Reads until `count` lines have come, or the process has ended; returns the lines.
  func lines(_ count: Int) -> Int {
    var lines = 0
    while lines < count {
      let data = output.fileHandleForReading.availableData
      if data.isEmpty { break }
      lines += data.count { $0 == UInt8(ascii: "\n") }
    }
    return lines
  }

  /// Kills the process and returns how many lines it had written beyond those read.
  func kill() -> Int {
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    return lines(.max)
  }

  /// Waits for the end; returns the exit code and what was said on standard error.
  func end() -> (code: Int32, errors: String) {
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }
}

/// Runs `body` with a folder of its own.
func withFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "vise-trials-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder.path)
}
