import TOMLKit
import ViseCompression
import ViseTOML

/// Reads the TOML of a plan file into rules in the order of their lines.
struct PlanParser {
  /// One line of `[sites]`; no format means `keep`.
  struct Rule {
    let pattern: String
    let format: NumberFormat?
    let line: Int
  }

  struct Document {
    var defaultFormat: NumberFormat?
    var rules: [Rule] = []
  }

  private let text: String
  private let lines: [Substring]

  init(text: String) {
    self.text = text
    lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
  }

  func document() throws(PlanFileError) -> Document {
    let table = try parse()
    var document = Document()
    for (key, value) in table {
      switch key {
      case "version":
        guard value.int == 1 else {
          throw PlanFileError(line: line(of: key, in: nil), reason: .unsupportedVersion)
        }
      case "defaults":
        document.defaultFormat = try defaults(value.table)
      case "sites":
        document.rules = try rules(value.table)
      default:
        throw PlanFileError(line: line(of: key, in: nil), reason: .unknownKey(key))
      }
    }
    return document
  }

  private func parse() throws(PlanFileError) -> TOMLTable {
    do throws(TOMLFault) {
      return try SafeTOML.parse(text)
    } catch {
      throw PlanFileError(line: error.line, reason: .syntax(error.words))
    }
  }

  private func defaults(_ table: TOMLTable?) throws(PlanFileError) -> NumberFormat? {
    guard let table else { throw PlanFileError(line: nil, reason: .wrongType(key: "defaults")) }
    var format: NumberFormat?
    for (key, value) in table {
      let line = line(of: key, in: "defaults")
      guard key == "format" else { throw PlanFileError(line: line, reason: .unknownKey(key)) }
      format = try self.format(value.string, key: key, line: line)
    }
    return format
  }

  private func rules(_ table: TOMLTable?) throws(PlanFileError) -> [Rule] {
    guard let table else { throw PlanFileError(line: nil, reason: .wrongType(key: "sites")) }
    var rules: [Rule] = []
    for (key, value) in table {
      guard let line = line(of: key, in: "sites") else {
        throw PlanFileError(line: nil, reason: .syntax(Self.unplaced(key)))
      }
      var name = value.string
      if let treatment = value.table {
        for (part, value) in treatment {
          guard part == "format" else { throw PlanFileError(line: line, reason: .unknownKey(part)) }
          name = value.string
        }
      }
      rules.append(
        Rule(pattern: key, format: try format(name, key: key, line: line), line: line))
    }
    return rules.sorted { $0.line < $1.line }
  }

  /// Later lines win, so a rule whose line is not known cannot be applied.
  private static func unplaced(_ key: String) -> String {
    "\(PlanFile.quoted(key)) must stand in quotes on a line of its own below [sites]"
  }

  private func format(
    _ name: String?, key: String, line: Int?
  ) throws(PlanFileError) -> NumberFormat? {
    guard let name else { throw PlanFileError(line: line, reason: .wrongType(key: key)) }
    guard let treatment = Treatment(name: name) else {
      throw PlanFileError(line: line, reason: .unknownFormat(name))
    }
    return treatment.format
  }

  /// The 1-based line that sets `key` in `section`; the parser keeps no order and no places.
  private func line(of key: String, in section: String?) -> Int? {
    var current: String?
    for (index, line) in lines.enumerated() {
      let content = line.drop { $0 == " " || $0 == "\t" }
      if content.hasPrefix("[") {
        current = content.dropFirst().prefix { $0 != "]" }.filter { $0 != " " && $0 != "\t" }
        if section == nil, current == key { return index + 1 }
      } else if current == section, sets(content, key) {
        return index + 1
      }
    }
    return nil
  }

  private func sets(_ line: Substring, _ key: String) -> Bool {
    for spelling in [key, PlanFile.quoted(key), "\"\(key)\"", "'\(key)'"]
    where line.hasPrefix(spelling) {
      let rest = line.dropFirst(spelling.count).drop { $0 == " " || $0 == "\t" }
      if rest.hasPrefix("=") { return true }
    }
    return false
  }
}
