/// What to do to one site.
public struct Treatment: Hashable, Sendable {
  /// The format to store the values in; `nil` leaves them as the file has them.
  public var format: NumberFormat?

  public init(format: NumberFormat?) {
    self.format = format
  }

  /// Leaves the site as the file has it.
  public static let keep = Treatment(format: nil)

  /// The name used in plans: `keep` or the format's name.
  public var name: String { format?.name ?? "keep" }

  /// The treatment a plan calls `name`.
  public init?(name: String) {
    if name.lowercased() == "keep" {
      self = .keep
    } else if let format = NumberFormat(name: name) {
      self.init(format: format)
    } else {
      return nil
    }
  }
}
