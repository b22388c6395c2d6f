import TOMLKit
import ViseTOML

extension DeviceProfile {
  /// Reads a profile; every key is known, of its type and within its bounds.
  public init(toml: String) throws(DeviceProfileError) {
    self = try DeviceProfileParser(text: toml).profile()
  }
}

/// Reads the TOML of one device profile.
struct DeviceProfileParser {
  private static let sections: [String: Set<String>] = [
    "memory": ["bandwidth", "capacity", "efficiency", "efficiency_reason"],
    "compute": Set(ComputeWidth.allCases.map(\.rawValue)).union([
      "efficiency", "efficiency_reason", "dequantization", "tile",
    ]),
    "overhead": ["per_operation", "reason"],
    "energy": ["power", "per_byte", "per_operation", "source"],
  ]
  private static let topKeys: Set<String> = ["version", "name", "title", "kind", "source"]
  private static let textLimit = 600

  private let text: String
  private let lines: [Substring]

  init(text: String) {
    self.text = text
    lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
  }

  func profile() throws(DeviceProfileError) -> DeviceProfile {
    let table = try parse()
    try checkKeys(table)
    guard table["version"]?.int == 1 else { throw fault(.unsupportedVersion, "version", nil) }
    let memory = try Section("memory", of: table, in: self)
    let compute = try Section("compute", of: table, in: self)
    let overhead = try Section("overhead", of: table, in: self)
    return DeviceProfile(
      name: try name(table), title: try string(table["title"], "title", nil),
      kind: try kind(table), source: try string(table["source"], "source", nil),
      memory: DeviceProfile.Memory(
        bandwidth: try memory.number("bandwidth", 1e6...1e16),
        capacity: try memory.number("capacity", 1e6...1e16),
        efficiency: try memory.number("efficiency", 0.01...1),
        efficiencyReason: try memory.string("efficiency_reason")),
      compute: DeviceProfile.Compute(
        peaks: try peaks(compute), efficiency: try compute.number("efficiency", 0.01...1),
        efficiencyReason: try compute.string("efficiency_reason"),
        dequantization: try compute.number("dequantization", 0...1000),
        tile: try compute.integer("tile", 1...1024)),
      overhead: DeviceProfile.Overhead(
        perOperation: try overhead.number("per_operation", 0...1),
        reason: try overhead.string("reason")),
      energy: table["energy"] == nil
        ? nil : try energy(try Section("energy", of: table, in: self)))
  }

  private func parse() throws(DeviceProfileError) -> TOMLTable {
    do throws(TOMLFault) {
      return try SafeTOML.parse(text)
    } catch {
      throw DeviceProfileError(line: error.line, reason: .syntax(error.words))
    }
  }

  private func checkKeys(_ table: TOMLTable) throws(DeviceProfileError) {
    for key in table.keys.sorted() {
      guard let known = Self.sections[key] else {
        guard Self.topKeys.contains(key) else { throw fault(.unknownKey(key), key, nil) }
        continue
      }
      guard let section = table[key]?.table else {
        throw fault(.wrongType(key: key, expected: "a table"), key, nil)
      }
      for inner in section.keys.sorted() where !known.contains(inner) {
        throw fault(.unknownKey("\(key).\(inner)"), inner, key)
      }
    }
  }

  private func name(_ table: TOMLTable) throws(DeviceProfileError) -> String {
    let name = try string(table["name"], "name", nil)
    let isPlain = name.utf8.allSatisfy { byte in
      (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D
    }
    guard isPlain, name.utf8.count <= 24 else { throw fault(.badText(key: "name"), "name", nil) }
    return name
  }

  private func kind(_ table: TOMLTable) throws(DeviceProfileError) -> DeviceProfile.Kind {
    let word = try string(table["kind"], "kind", nil)
    guard let kind = DeviceProfile.Kind(rawValue: word) else {
      throw fault(.unknownKind(word), "kind", nil)
    }
    return kind
  }

  private func peaks(_ section: Section) throws(DeviceProfileError) -> [ComputeWidth: Double] {
    var peaks: [ComputeWidth: Double] = [:]
    for width in ComputeWidth.allCases where section.has(width.rawValue) {
      peaks[width] = try section.number(width.rawValue, 1e6...1e19)
    }
    guard peaks[.float32] != nil || peaks[.float16] != nil else {
      throw fault(.noFloatUnits, "compute", nil)
    }
    return peaks
  }

  private func energy(_ section: Section) throws(DeviceProfileError) -> DeviceProfile.Energy {
    let source = try section.string("source")
    let hasParts = section.has("per_byte") || section.has("per_operation")
    guard hasParts != section.has("power"),
      section.has("per_byte") == section.has("per_operation")
    else { throw fault(.unclearEnergy, "energy", nil) }
    if !hasParts {
      return DeviceProfile.Energy(
        basis: .power(try section.number("power", 1e-3...1e6)), source: source)
    }
    return DeviceProfile.Energy(
      basis: .parts(
        perByte: try section.number("per_byte", 1e-15...1e-3),
        perOperation: try section.number("per_operation", 1e-18...1e-3)),
      source: source)
  }

  /// A text of one line that a terminal can show.
  fileprivate func string(
    _ value: (any TOMLValueConvertible)?, _ key: String, _ section: String?
  ) throws(DeviceProfileError) -> String {
    let path = section.map { "\($0).\(key)" } ?? key
    guard let value else { throw fault(.missing(path), section ?? key, nil) }
    guard let text = value.string else {
      throw fault(.wrongType(key: path, expected: "a text"), key, section)
    }
    let isPrintable = text.unicodeScalars.allSatisfy { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned,
        .privateUse:
        false
      default: true
      }
    }
    guard !text.isEmpty, text.utf8.count <= Self.textLimit, isPrintable else {
      throw fault(.badText(key: path), key, section)
    }
    return text
  }

  fileprivate func fault(
    _ reason: DeviceProfileError.Reason, _ key: String, _ section: String?
  ) -> DeviceProfileError {
    DeviceProfileError(line: line(of: key, in: section), reason: reason)
  }

  /// The line that sets `key`, or begins the table of that name.
  private func line(of key: String, in section: String?) -> Int? {
    var current: String?
    for (index, line) in lines.enumerated() {
      let words = line.split(separator: " ").joined()
      if words.hasPrefix("[") {
        current = String(words.dropFirst().prefix { $0 != "]" })
        if section == nil, current == key { return index + 1 }
      } else if current == section,
        words.hasPrefix("\(key)=") || words.hasPrefix("\"\(key)\"=")
      {
        return index + 1
      }
    }
    return nil
  }
}

/// One table of a profile.
private struct Section {
  private let name: String
  private let table: TOMLTable
  private let parser: DeviceProfileParser

  init(
    _ name: String, of table: TOMLTable, in parser: DeviceProfileParser
  ) throws(DeviceProfileError) {
    guard let section = table[name]?.table else { throw parser.fault(.missing(name), name, nil) }
    self.name = name
    self.table = section
    self.parser = parser
  }

  func has(_ key: String) -> Bool { table[key] != nil }

  func string(_ key: String) throws(DeviceProfileError) -> String {
    try parser.string(table[key], key, name)
  }

  /// A finite number within `bounds`.
  func number(
    _ key: String, _ bounds: ClosedRange<Double>
  ) throws(DeviceProfileError) -> Double {
    guard let value = table[key] else {
      throw parser.fault(.missing("\(name).\(key)"), name, nil)
    }
    guard let number = value.int.map({ Double($0) }) ?? value.double else {
      throw parser.fault(.wrongType(key: "\(name).\(key)", expected: "a number"), key, name)
    }
    guard bounds.contains(number) else {
      throw parser.fault(
        .outOfRange(
          key: "\(name).\(key)", value: number, lowest: bounds.lowerBound,
          highest: bounds.upperBound), key, name)
    }
    return number
  }

  func integer(_ key: String, _ bounds: ClosedRange<Int>) throws(DeviceProfileError) -> Int {
    guard table[key] == nil || table[key]?.int != nil else {
      throw parser.fault(
        .wrongType(key: "\(name).\(key)", expected: "a whole number"), key, name)
    }
    return Int(try number(key, Double(bounds.lowerBound)...Double(bounds.upperBound)))
  }
}
