/// What shares parameters such as a scale.
public enum Granularity: Hashable, Sendable {
  case tensor
  case channel
  case group(Int)

  /// `tensor`, `channel`, or such as `g128`.
  public var name: String {
    switch self {
    case .tensor: "tensor"
    case .channel: "channel"
    case .group(let length): "g\(length)"
    }
  }

  /// Groups have 8 to 65,536 weights.
  public init?(name: String) {
    switch name {
    case "tensor": self = .tensor
    case "channel": self = .channel
    default:
      guard name.hasPrefix("g"), let length = Int(name.dropFirst()), length >= 8,
        length <= 65_536, name == "g\(length)"
      else { return nil }
      self = .group(length)
    }
  }

  /// Columns that share parameters.
  public func spanLength(columns: Int) -> Int {
    if case .group(let length) = self { length } else { max(columns, 1) }
  }

  /// Rows × spans of stored parameters.
  func parameterShape(rows: Int, spans: Int) -> [Int] {
    self == .tensor ? [1, 1] : [rows, spans]
  }

  /// What `bits` for each group cost a weight of many groups.
  func bitsPerWeight(_ bits: Double) -> Double {
    if case .group(let length) = self { bits / Double(length) } else { 0 }
  }
}
