extension SensitivityTable {
  /// One row as an object: what no treatment changes, and `options`, an object each.
  public struct Row: Encodable, Sendable {
    fileprivate let columns: [Column]
    fileprivate let cells: [Cell?]

    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      try Self.encode(columns, cells, option: nil, into: &container)
      var seen: [String] = []
      for case let option? in columns.map(\.option) where !seen.contains(option) {
        seen.append(option)
      }
      guard !seen.isEmpty else { return }
      var list = container.nestedUnkeyedContainer(forKey: Key(stringValue: "options"))
      for option in seen {
        var entry = list.nestedContainer(keyedBy: Key.self)
        try entry.encode(option, forKey: Key(stringValue: "option"))
        try Self.encode(columns, cells, option: option, into: &entry)
      }
    }

    private static func encode(
      _ columns: [Column], _ cells: [Cell?], option: String?,
      into container: inout KeyedEncodingContainer<Key>
    ) throws {
      for (column, cell) in zip(columns, cells) where column.option == option {
        let key = Key(stringValue: column.key)
        switch cell {
        case .text(let text): try container.encode(text, forKey: key)
        case .count(let count): try container.encode(count, forKey: key)
        case .number(let number) where number.isFinite: try container.encode(number, forKey: key)
        case .number, nil: break
        }
      }
    }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// The rows for JSON; absent figures are left out.
  public var objects: [Row] { rows.map { Row(columns: columns, cells: $0) } }
}
