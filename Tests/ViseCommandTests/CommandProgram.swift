import Foundation
import Testing

/// What a run of the program left behind.
struct Outcome {
  let code: Int32
  let output: Data
  let errors: String

  var json: [String: Any] {
    get throws { try #require(JSONSerialization.jsonObject(with: output) as? [String: Any]) }
  }
}

let root = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
let sample = root.appending(path: "SampleModels/story-lm/story-lm-f16.gguf").path
let text = root.appending(path: "SampleModels/story-lm/eval.txt").path
let calibrationText = root.appending(path: "SampleModels/story-lm/calib.txt").path

/// The program that was built beside this test bundle.
var program: URL {
  get throws {
    let folder = try URL(filePath: #require(CommandLine.arguments.first))
      .deletingLastPathComponent()
    let candidates = [folder, root.appending(path: ".build/debug")]
    return try #require(
      candidates.map { $0.appending(path: "vise") }.first {
        FileManager.default.isExecutableFile(atPath: $0.path)
      })
  }
}

/// Tests leave nothing in the user's folders.
let hermetic = ProcessInfo.processInfo.environment.merging([
  "VISE_LEVELS": "off", "VISE_EFFECTS": "off", "VISE_TRIALS": "off", "VISE_MACHINE": "off",
]) { $1 }

func vise(_ arguments: String...) throws -> Outcome { try outcome(arguments) }

func outcome(
  _ arguments: [String], environment: [String: String] = [:]
) throws -> Outcome {
  let process = Process()
  process.executableURL = try program
  process.arguments = arguments
  process.environment = hermetic.merging(environment) { $1 }
  process.standardInput = FileHandle.nullDevice
  let errorFile = FileManager.default.temporaryDirectory
    .appending(path: "vise-command-\(UUID().uuidString).txt")
  _ = FileManager.default.createFile(atPath: errorFile.path, contents: nil)
  defer { try? FileManager.default.removeItem(at: errorFile) }
  process.standardError = try FileHandle(forWritingTo: errorFile)
  let pipe = Pipe()
  process.standardOutput = pipe
  try process.run()
  let output = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return Outcome(
    code: process.terminationStatus, output: output,
    errors: try String(contentsOf: errorFile, encoding: .utf8))
}

/// A folder for one test's files.
func withFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "vise-command-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}
