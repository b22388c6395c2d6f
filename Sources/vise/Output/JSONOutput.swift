import FoundationEssentials

/// The one object a command prints with `--json`.
enum JSONOutput {
  /// Prints `value` on standard output, keys in snake case and sorted.
  static func write(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}
