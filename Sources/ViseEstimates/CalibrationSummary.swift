/// The statistics of inputs a session uses.
public struct CalibrationSummary: Hashable, Sendable {
  /// Tokens the statistics are over.
  public let tokenCount: Int
  /// Indices of the sites whose inputs they cover.
  public let sites: Set<Int>

  public init(tokenCount: Int, sites: Set<Int>) {
    self.tokenCount = tokenCount
    self.sites = sites
  }
}
