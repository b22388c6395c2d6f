public import ViseEstimates

extension Budget {
  /// Limits of cost; the file's size is always looked at, limited or not.
  public init(_ limits: PlanLimits) {
    self.init()
    self.limits[.bytes] = limits.byteCount.map(Double.init) ?? .infinity
    self.limits[.decodeSeconds] = limits.decodeSeconds
  }
}

extension SearchGoal {
  /// The smallest file where quality is all that is limited, else the least loss.
  public init(_ limits: PlanLimits) {
    if limits.byteCount == nil, limits.decodeSeconds == nil, let floor = limits.klMean {
      self = .leastCost(floor: floor)
    } else {
      self = .leastLoss
    }
  }
}
