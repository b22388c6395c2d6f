import Foundation
import Testing

private let root = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// A type of the compression library whose docstring names the publication it comes from.
private struct MethodEntry {
  let name: String
  let file: String
  let summary: String
  /// Names of the tests in files that mention the type.
  let tests: [String]
}

private struct SourceText {
  let path: String
  let text: String
  let lines: [String]
  /// Its types with their docstrings.
  let declarations: [(name: String, doc: [String])]

  init(path: String, url: URL) throws {
    self.path = path
    text = try String(contentsOf: url, encoding: .utf8)
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    declarations = Self.declarations(lines)
  }

  private static func declarations(_ lines: [String]) -> [(name: String, doc: [String])] {
    var doc: [String] = []
    var found: [(name: String, doc: [String])] = []
    for line in lines {
      if line.hasPrefix("///") {
        doc.append(String(line.dropFirst(3)).trimmingCharacters(in: .whitespaces))
      } else {
        if let match = line.firstMatch(of: /^(?:public )?(?:struct|enum|final class) (\w+)/) {
          found.append((String(match.1), doc))
        }
        if !line.hasPrefix("@") { doc = [] }
      }
    }
    return found
  }

  /// What tests call its types: their names, or for a format how plans spell it, as `"nf4`.
  var spellings: [String] {
    let base = text.firstMatch(of: /base(?:\.hasPrefix\(| == )"([a-z]+)/).map { "\"\($0.1)" }
    return declarations.map(\.name) + (base.map { [$0] } ?? [])
  }

  /// The names of its test functions.
  var tests: [String] {
    var isTest = false
    return lines.compactMap { line in
      isTest = isTest || line.contains("@Test")
      guard isTest, let match = line.firstMatch(of: /func (\w+)/) else { return nil }
      isTest = false
      return String(match.1)
    }
  }
}

private func sources(in folder: String) throws -> [SourceText] {
  let url = root.appending(path: folder)
  let paths = try FileManager.default.subpathsOfDirectory(atPath: url.path).sorted()
  return try paths.filter { $0.hasSuffix(".swift") }.map {
    try SourceText(path: $0, url: url.appending(path: $0))
  }
}

/// Whether a docstring cites a paper: an arXiv number, or a year in brackets.
private func cites(_ doc: [String]) -> Bool {
  let text = doc.joined(separator: " ")
  return text.contains("arXiv") || text.contains(/\([^()]*(19|20)[0-9]{2}[^()]*\)/)
    || text.contains(/[0-9]{4}\.[0-9]{5}/)
}

/// The tests of the files that contain one of `words`.
private func tests(mentioning words: [String], in files: [SourceText]) -> [String] {
  files.filter { file in words.contains { file.text.contains($0) } }.flatMap(\.tests)
}

/// The files other than `file` that mention one of the types it declares.
private func users(of file: SourceText, in sources: [SourceText]) -> [SourceText] {
  sources.filter { user in
    user.path != file.path && file.declarations.contains { user.text.contains($0.name) }
  }
}

/// Methods with the tests of their own; where there are none, of what is built on them.
private func catalog() throws -> [MethodEntry] {
  let testFiles = try sources(in: "Tests/ViseCompressionTests")
  let library = try sources(in: "Sources/ViseCompression")
  return library.flatMap { file in
    file.declarations.filter { cites($0.doc) }.map { declaration in
      var own = tests(mentioning: [declaration.name] + file.spellings, in: testFiles)
      var level = [file]
      for _ in 0..<2 where own.isEmpty {
        level = level.flatMap { users(of: $0, in: library) }
        own = tests(mentioning: level.flatMap(\.spellings), in: testFiles)
      }
      return MethodEntry(
        name: declaration.name, file: file.path, summary: declaration.doc.first ?? "", tests: own)
    }
  }
}

/// `VISE_LIST_METHODS=1 swift test --filter everyPublishedMethodIsTested` prints the list.
@Test func everyPublishedMethodIsTested() throws {
  let entries = try catalog()
  #expect(entries.count >= 20, "the sources were not read")
  for entry in entries {
    #expect(!entry.tests.isEmpty, "\(entry.name) in \(entry.file) is in no test")
  }
  guard ProcessInfo.processInfo.environment["VISE_LIST_METHODS"] != nil else { return }
  for entry in entries {
    print(
      "\(entry.name) | \(entry.file) | \(entry.summary) | \(entry.tests.joined(separator: ", "))")
  }
}

/// The article that lists `entries`, by the folders of their files.
private func article(of entries: [MethodEntry]) -> String {
  var lines = [
    "# Methods", "", "What the library offers, from the documentation of its types.", "",
    "## Overview", "",
    "Each type below cites the publication it follows; tests hold it against an independent",
    "implementation or a law. This page is written by a test, which fails where it is out of date.",
  ]
  var folder = ""
  for entry in entries.sorted(by: { ($0.file, $0.name) < ($1.file, $1.name) }) {
    let parts = entry.file.split(separator: "/").dropLast()
    let own = parts.joined(separator: ", ")
    if own != folder {
      lines += ["", "### \(own)", ""]
      folder = own
    }
    lines.append("- `\(entry.name)`: \(entry.summary)")
  }
  return lines.joined(separator: "\n") + "\n"
}

/// `VISE_WRITE_METHODS=1 swift test --filter theDocumentationListsEveryMethod` writes the page.
@Test func theDocumentationListsEveryMethod() throws {
  let url = root.appending(path: "Sources/ViseCompression/ViseCompression.docc/Methods.md")
  let text = article(of: try catalog())
  if ProcessInfo.processInfo.environment["VISE_WRITE_METHODS"] != nil {
    try Data(text.utf8).write(to: url)
  }
  let written = try String(contentsOf: url, encoding: .utf8)
  #expect(
    written == text,
    "run VISE_WRITE_METHODS=1 swift test --filter theDocumentationListsEveryMethod")
}
