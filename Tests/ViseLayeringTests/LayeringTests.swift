import Foundation
import Testing

/// What each target may import; DESIGN's module table, enforced on the sources.
private let allowedImports: [String: Set<String>] = [
  "ViseTensor": ["CViseKernels", "COpenBLAS"],
  "ViseFormats": ["ViseTensor", "Foundation", "FoundationEssentials", "SwiftProtobuf", "CZlib"],
  "ViseImages": ["CImages"],
  "ViseCompression": ["ViseTensor"],  // and Glibc, for its mathematics
  "ViseTOML": ["TOMLKit"],
  "ViseModels": ["ViseTensor", "ViseFormats", "ViseCompression", "ViseTOML", "TOMLKit"],
  "ViseGraphs": ["ViseTensor", "ViseFormats", "ViseCompression"],
  "ViseTraining": ["ViseTensor", "ViseFormats", "ViseGraphs"],
  "ViseDevices": [
    "ViseTensor", "ViseFormats", "ViseCompression", "ViseModels", "ViseTOML", "TOMLKit",
  ],
  "ViseEstimates": ["ViseCompression"],
  "ViseTrials": ["GRDB", "FoundationEssentials"],
  "ViseEvaluation": [
    "ViseTensor", "ViseFormats", "ViseCompression", "ViseModels", "ViseGraphs", "ViseEstimates",
    "ViseTrials",
  ],
  "ViseSearch": [
    "ViseTensor", "ViseCompression", "ViseModels", "ViseEstimates", "ViseEvaluation",
  ],
  "ViseWorkbench": ["ViseCompression", "ViseEstimates"],
  "ViseTerminal": ["ViseWorkbench", "ViseCompression", "ViseEstimates", "ViseTOML", "TOMLKit"],
  "ViseConsole": [
    "CTerminal", "ViseTerminal", "ViseWorkbench", "ViseCompression", "ViseEstimates",
  ],
  "vise": [
    "ViseConsole", "ViseTerminal", "ViseWorkbench", "ViseEvaluation", "ViseTrials", "ViseDevices",
    "ViseSearch", "ViseGraphs", "ViseTraining", "ViseEstimates", "ViseModels", "ViseCompression",
    "ViseFormats", "ViseTensor", "ViseImages", "ViseTOML", "TOMLKit", "ArgumentParser",
    "FoundationEssentials",
  ],
]

/// The system and the standard library, open to every Swift target.
private let system: Set<String> = ["Glibc", "Synchronization"]

/// Pure targets: no system calls either.
private let pure: Set<String> = ["ViseEstimates", "ViseTerminal"]

private let root = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

private struct Import: Hashable, CustomStringConvertible {
  let file: String
  let module: String
  var description: String { "\(file) imports \(module)" }
}

private func files(in folder: URL, ending suffix: String) throws -> [URL] {
  let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
  return paths.filter { $0.hasSuffix(suffix) }.map { folder.appending(path: $0) }
}

private func imports(of target: String) throws -> [Import] {
  let folder = root.appending(path: "Sources/\(target)")
  return try files(in: folder, ending: ".swift").flatMap { file in
    try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
      var words = line.split(separator: " ").map(String.init)
      while let first = words.first, ["public", "internal", "private", "package"].contains(first) {
        words.removeFirst()
      }
      guard words.first == "import", let module = words.last else { return nil }
      return Import(file: "\(target)/\(file.lastPathComponent)", module: module)
    }
  }
}

@Test(arguments: allowedImports.keys.sorted())
func targetImportsOnlyWhatTheTableAllows(target: String) throws {
  let found = try imports(of: target)
  #expect(!found.isEmpty, "no imports were read; the check would see nothing")
  let allowed = allowedImports[target, default: []].union(pure.contains(target) ? [] : system)
  for entry in found {
    #expect(allowed.contains(entry.module), "\(entry)")
  }
}

@Test func everySwiftTargetIsInTheTable() throws {
  let folders = try FileManager.default.contentsOfDirectory(
    atPath: root.appending(path: "Sources").path)
  let swift = folders.filter { !$0.hasPrefix("C") }
  #expect(Set(swift) == Set(allowedImports.keys))
}

@Test func cursesIsSeenByItsShimAlone() throws {
  for file in try files(in: root.appending(path: "Sources"), ending: ".h")
    + files(in: root.appending(path: "Sources"), ending: ".c")
  where !file.path.contains("/CTerminal/") {
    #expect(!(try String(contentsOf: file, encoding: .utf8)).contains("curses.h>"), "\(file.path)")
  }
  for file in try files(in: root.appending(path: "Sources/CTerminal/include"), ending: ".h") {
    #expect(
      !(try String(contentsOf: file, encoding: .utf8)).contains("include <curses.h>"),
      "\(file.path)")
  }
}

@Test func nothingRunsOnTheMainActor() throws {
  for file in try files(in: root.appending(path: "Sources"), ending: ".swift") {
    let text = try String(contentsOf: file, encoding: .utf8)
    let code = text.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
    #expect(!code.contains { $0.contains("@MainActor") }, "\(file.path)")
  }
}
