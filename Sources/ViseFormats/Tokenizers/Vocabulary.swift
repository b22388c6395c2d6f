/// What a token is for; raw values are GGUF's.
enum TokenKind: Int, Hashable, Sendable {
  case normal = 1
  case unknown = 2
  case control = 3
  case userDefined = 4
  case unused = 5
  case byte = 6
}

/// The tokens of a model: their bytes, scores and kinds by id, and their ids by bytes.
struct Vocabulary: Sendable {
  private(set) var table: ByteStringTable
  private(set) var scores: [Float]
  private(set) var kinds: [TokenKind]

  init(minimumCapacity: Int) {
    table = ByteStringTable(minimumCapacity: minimumCapacity)
    scores = []
    kinds = []
    scores.reserveCapacity(minimumCapacity)
    kinds.reserveCapacity(minimumCapacity)
  }

  var count: Int { kinds.count }

  mutating func append(_ bytes: some Collection<UInt8>, score: Float, kind: TokenKind) {
    table.append(bytes)
    scores.append(score)
    kinds.append(kind)
  }

  func bytes(of id: Int32) -> ArraySlice<UInt8> { table.bytes(of: Int(id)) }

  /// The token that stands for one byte, written `<0x41>` in the vocabulary.
  func byteToken(_ byte: UInt8) -> Int32? {
    let digits = Array("0123456789ABCDEF".utf8)
    return table.find(
      Array("<0x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)], UInt8(ascii: ">")])
  }

  /// The byte that a token written `<0x41>` stands for.
  func byteValue(of id: Int32) -> UInt8? {
    let text = bytes(of: id)
    guard text.count == 6, text.starts(with: "<0x".utf8), text.last == UInt8(ascii: ">") else {
      return nil
    }
    return UInt8(String(decoding: text.dropFirst(3).dropLast(), as: UTF8.self), radix: 16)
  }
}
