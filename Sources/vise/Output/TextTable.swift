import Glibc
import ViseEvaluation

/// A table aligned for a terminal, such as the brief columns of sensitivities.
struct TextTable {
  private let lines: [[String]]
  private let isWord: [Bool]

  init(_ table: SensitivityTable) {
    let shown = table.columns.indices.filter { table.columns[$0].isBrief }
    let header = shown.map { ErrorText.printable(table.columns[$0].name) }
    lines = [header] + table.rows.map { row in shown.map { Self.text(row[$0]) } }
    isWord = shown.map { column in
      table.rows.contains { if case .text = $0[column] { true } else { false } }
    }
  }

  /// Columns of figures, aligned at their ends; `rows` have as many cells as `header`.
  init(header: [String], rows: [[String]]) {
    precondition(rows.allSatisfy { $0.count == header.count })
    lines = [header] + rows
    isWord = header.map { _ in false }
  }

  /// Figures to four digits; a dash where there is none.
  private static func text(_ cell: SensitivityTable.Cell?) -> String {
    switch cell {
    case .text(let text): ErrorText.printable(text)
    case .count(let count): String(count)
    case .number(let number): fourDigits(number)
    case nil: "-"
    }
  }

  private static func fourDigits(_ number: Double) -> String {
    var text = [CChar](repeating: 0, count: 32)
    let length = withVaList([number]) { vsnprintf(&text, text.count, "%.4g", $0) }
    return String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func print() {
    let widths = isWord.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    for line in lines {
      let cells = line.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - line[column].count)
        return isWord[column] ? line[column] + space : space + line[column]
      }
      var text = cells.joined(separator: "  ")
      while text.last == " " { text.removeLast() }
      Swift.print(text)
    }
  }
}
