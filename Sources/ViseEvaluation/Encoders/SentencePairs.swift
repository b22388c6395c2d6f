import ViseFormats
import ViseTensor

/// A reason a file of sentence pairs cannot be used.
public enum SentencePairsError: Error, Hashable, Sendable {
  /// A line without two texts and a finite number; lines count from 1.
  case invalidLine(path: String, line: Int)
  /// Fewer pairs than a correlation needs.
  case tooFew(path: String, count: Int)
  case notUTF8(path: String)
}

/// Pairs of sentences with how similar people find them.
public struct SentencePairs: Sendable {
  /// Two sentences and their score.
  public struct Pair: Hashable, Sendable {
    public let first: String
    public let second: String
    public let score: Double
  }

  public let pairs: [Pair]

  public init(_ pairs: [Pair]) { self.pairs = pairs }

  /// Reads lines of `first,second,score`; a text with commas or quotes stands in quotes (RFC 4180).
  public init(path: String, limit: Int? = nil) throws {
    let file = try MappedFile(path: path)
    guard let text = file.withBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw SentencePairsError.notUTF8(path: path)
    }
    var pairs: [Pair] = []
    for (index, fields) in Self.records(text).enumerated() where pairs.count < limit ?? .max {
      guard fields.count == 3, let score = Double(fields[2]), score.isFinite else {
        throw SentencePairsError.invalidLine(path: path, line: index + 1)
      }
      pairs.append(Pair(first: fields[0], second: fields[1], score: score))
    }
    guard pairs.count >= 3 else {
      throw SentencePairsError.tooFew(path: path, count: pairs.count)
    }
    self.pairs = pairs
  }

  /// The fields of each record of a CSV text.
  static func records(_ text: String) -> [[String]] {
    var records: [[String]] = []
    var fields: [String] = []
    var field = String.UnicodeScalarView()
    var (isQuoted, wasQuote) = (false, false)
    func endField() {
      fields.append(String(field))
      field = String.UnicodeScalarView()
    }
    for scalar in text.unicodeScalars {
      if isQuoted {
        // A quote ends the field, or is one where another follows.
        if scalar == "\"" { (isQuoted, wasQuote) = (false, true) } else { field.append(scalar) }
        continue
      }
      switch scalar {
      case "\"":
        if wasQuote { field.append(scalar) }
        isQuoted = true
      case ",": endField()
      case "\n":
        endField()
        records.append(fields)
        fields = []
      case "\r": break
      default: field.append(scalar)
      }
      wasQuote = false
    }
    if !field.isEmpty || !fields.isEmpty {
      endField()
      records.append(fields)
    }
    return records
  }
}
