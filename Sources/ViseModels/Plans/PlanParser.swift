import TOMLKit
import ViseCompression
import ViseTOML

/// What a plan asks of a site, before its rank is known where a rule is to find it.
struct AskedTreatment {
  /// All but the rank that a rule is to find.
  let treatment: Treatment
  let rule: RankRule?
  /// How the factors are made that the rule is about.
  let factors: LowRank?

  init(_ treatment: Treatment, rule: RankRule? = nil, factors: LowRank? = nil) {
    self.treatment = treatment
    self.rule = rule
    self.factors = factors
  }
}

/// Reads the TOML of a plan file into rules in the order of their lines.
struct PlanParser {
  /// One line of `[sites]`.
  struct Rule {
    let pattern: String
    let treatment: AskedTreatment
    let line: Int
  }

  struct Document {
    var defaultTreatment = AskedTreatment(.keep)
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
        document.defaultTreatment = try defaults(value.table)
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

  private func defaults(_ table: TOMLTable?) throws(PlanFileError) -> AskedTreatment {
    guard let table else { throw PlanFileError(line: nil, reason: .wrongType(key: "defaults")) }
    return try treatment(table, line: line(of: "defaults", in: nil)) { key in
      line(of: key, in: "defaults")
    }
  }

  private func rules(_ table: TOMLTable?) throws(PlanFileError) -> [Rule] {
    guard let table else { throw PlanFileError(line: nil, reason: .wrongType(key: "sites")) }
    var rules: [Rule] = []
    for (key, value) in table {
      guard let line = line(of: key, in: "sites") else {
        throw PlanFileError(line: nil, reason: .syntax(Self.unplaced(key)))
      }
      let treatment =
        if let table = value.table, !table.isEmpty {
          try self.treatment(table, line: line) { _ in line }
        } else {
          try self.treatment(value.string, key: key, line: line)
        }
      rules.append(Rule(pattern: key, treatment: treatment, line: line))
    }
    return rules.sorted { $0.line < $1.line }
  }

  /// Later lines win, so a rule whose line is not known cannot be applied.
  private static func unplaced(_ key: String) -> String {
    "\(PlanFile.quoted(key)) must stand in quotes on a line of its own below [sites]"
  }

  private func treatment(
    _ name: String?, key: String, line: Int?
  ) throws(PlanFileError) -> AskedTreatment {
    guard let name else { throw PlanFileError(line: line, reason: .wrongType(key: key)) }
    guard let treatment = Treatment(name: name) else {
      throw PlanFileError(line: line, reason: .unknownFormat(name))
    }
    return AskedTreatment(treatment)
  }

  /// A treatment written as a table of settings.
  private func treatment(
    _ table: TOMLTable, line: Int?, lineOf: (String) -> Int?
  ) throws(PlanFileError) -> AskedTreatment {
    var settings = TreatmentSettings()
    for (key, value) in table {
      guard TreatmentSettings.keys.contains(key) else {
        throw PlanFileError(line: lineOf(key), reason: .unknownKey(key))
      }
      guard let text = Self.text(value, of: key) else {
        throw PlanFileError(line: lineOf(key), reason: .wrongType(key: key))
      }
      do throws(TreatmentSettings.Fault) {
        try settings.set(key, to: text)
      } catch {
        throw PlanFileError(line: lineOf(key), reason: Self.reason(error))
      }
    }
    do throws(TreatmentSettings.Fault) {
      guard let rule = settings.rankRule else { return AskedTreatment(try settings.treatment()) }
      return AskedTreatment(
        try settings.settingRank(nil).treatment(), rule: rule,
        factors: try settings.settingRank(1).treatment().lowRank)
    } catch {
      throw PlanFileError(line: lineOf(error.key) ?? line, reason: Self.reason(error))
    }
  }

  /// A setting's value as plans and journals spell it; `nil` where it is of the wrong type.
  private static func text(_ value: any TOMLValueConvertible, of key: String) -> String? {
    switch key {
    case "rank": value.int.map { String($0) } ?? value.string
    case "group": value.int.map { String($0) }
    case "prune": (value.double ?? value.int.map { Double($0) }).map { String($0) }
    case "symmetric": value.bool.map { String($0) }
    default: value.string
    }
  }

  private static func reason(_ fault: TreatmentSettings.Fault) -> PlanFileError.Reason {
    switch fault {
    case .unknownKey(let key): .unknownKey(key)
    case .badValue("format", let value, _): .unknownFormat(value)
    case .badValue(let key, let value, let expected):
      .badValue(key: key, value: value, expected: expected)
    }
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
