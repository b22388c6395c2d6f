/// A reason a device profile cannot be used.
public struct DeviceProfileError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    case syntax(String)
    case unsupportedVersion
    case unknownKey(String)
    case missing(String)
    case wrongType(key: String, expected: String)
    case outOfRange(key: String, value: Double, lowest: Double, highest: Double)
    /// A text that is empty, too long or holds control characters.
    case badText(key: String)
    case unknownKind(String)
    /// Neither `fp32` nor `fp16`: nothing could decode a weight.
    case noFloatUnits
    /// `per_byte` without `per_operation`, or either beside `power`.
    case unclearEnergy
    case duplicateName(String)
    case notUTF8
    case tooLarge(limit: Int)
    case unreadable
  }

  /// The file, where it is one.
  public var file: String?
  /// The 1-based line, where it is known.
  public let line: Int?
  public let reason: Reason

  public init(file: String? = nil, line: Int?, reason: Reason) {
    self.file = file
    self.line = line
    self.reason = reason
  }
}
