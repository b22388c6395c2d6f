/// Work of one kind that the engine has still to do.
public struct QueuedWork: Hashable, Sendable {
  /// What the engine does, most wanted first.
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    /// Looking at the values of one layer.
    case inspection
    case spectra
    case export
    /// Effects of treatments that the plan has.
    case planEffects
    case prediction
    /// As much of the plan's measurement as an interval takes.
    case firstMeasurement
    /// Steps of a search; what comes after waits until it ends.
    case search
    case selectedFormats
    case visibleFormats
    /// Runs that tell how fast this machine is.
    case timing
    case fullMeasurement
    case otherFormats
  }

  public let kind: Kind
  /// Pieces that are left; `nil` where nobody knows.
  public let remaining: Int?

  public init(kind: Kind, remaining: Int?) {
    self.kind = kind
    self.remaining = remaining
  }
}
