public import ViseTensor

/// Why a file of NumPy arrays cannot be read.
///
/// Names come from the file and are untrusted on a screen.
public struct ArrayFileError: Error, Hashable, Sendable {
  public let file: String
  /// The array in an archive; `nil` for the file itself.
  public let member: String?
  public let reason: Reason

  public init(file: String, member: String? = nil, reason: Reason) {
    self.file = file
    self.member = member
    self.reason = reason
  }

  /// What is wrong.
  public enum Reason: Error, Hashable, Sendable {
    case unreadable(StorageError)
    case notAnArray
    case notAnArchive
    /// The header is damaged or says something that is not read.
    case invalidHeader(String)
    case unsupportedType(String)
    case dataMismatch(expected: Int, found: Int)
    /// Compressed in a way other than deflate, encrypted, or damaged.
    case unreadableMember
    case tooLarge(bytes: Int, limit: Int)
    case missingMember(String)
  }
}

extension ArrayFileError: CustomStringConvertible {
  public var description: String {
    "\(file): \(member.map { "\"\($0)\": " } ?? "")\(words)"
  }

  private var words: String {
    switch reason {
    case .unreadable(let error): sentence(error)
    case .notAnArray: "no NumPy array"
    case .notAnArchive: "no archive of NumPy arrays"
    case .invalidHeader(let what): "the array's header is damaged or not supported: \(what)"
    case .unsupportedType(let type): "elements of type \(type) are not supported"
    case .dataMismatch(let expected, let found):
      "\(found) bytes of data where shape and type need \(expected)"
    case .unreadableMember: "it is encrypted, damaged, or compressed in a way that is not supported"
    case .tooLarge(let bytes, let limit): "\(bytes) bytes; at most \(limit) are read"
    case .missingMember(let name): "there is no array \"\(name)\""
    }
  }
}
