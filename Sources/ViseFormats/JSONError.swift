/// Why a text is not the JSON it should be, and where.
public struct JSONError: Error, Hashable, Sendable {
  /// What is wrong.
  public enum Kind: Hashable, Sendable {
    case unexpectedEnd
    case unexpectedByte(UInt8)
    case invalidNumber
    case invalidEscape
    case invalidUTF8
    case nestedTooDeep
    case tooLarge
    case duplicateKey(String)
    case trailingBytes
  }

  public let kind: Kind
  /// Bytes from the start of the text.
  public let offset: Int

  public init(kind: Kind, offset: Int) {
    self.kind = kind
    self.offset = offset
  }
}
