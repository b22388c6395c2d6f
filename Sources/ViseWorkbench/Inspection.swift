public import ViseCompression
public import ViseEstimates

/// The look at one site's values the detail view waits for or shows.
public struct Inspection: Hashable, Sendable {
  public let site: Int
  public let treatment: Treatment
  /// `nil` while it is computed.
  public internal(set) var result: SiteInspection?
  /// Why it cannot be computed.
  public internal(set) var problem: String?
}

extension WorkbenchState {
  mutating func closeDetail() -> [WorkbenchEffect] {
    closePage()
    inspection = nil
    return [.send(.endInspection)]
  }

  /// Asks for what the detail view shows where that has changed.
  mutating func updateInspection() -> [WorkbenchEffect] {
    guard isDetailOpen else { return [] }
    guard let index = list.selected else { return closeDetail() }
    let treatment = document.plan[sites[index].name]
    if let inspection, inspection.site == index, inspection.treatment == treatment { return [] }
    inspection = Inspection(site: index, treatment: treatment)
    return [.send(.inspect(site: index, treatment: treatment))]
  }

  mutating func receive(_ result: SiteInspection) {
    if let spectrum = result.spectrum { spectra[result.siteIndex] = spectrum }
    guard inspection?.site == result.siteIndex, inspection?.treatment == result.treatment
    else { return }
    inspection?.result = result
  }

  mutating func inspectionFailed(site: Int, treatment: Treatment, reason: String) {
    guard inspection?.site == site, inspection?.treatment == treatment else { return }
    inspection?.problem = reason
  }

  mutating func performInDetail(_ command: Command) -> [WorkbenchEffect] {
    switch command {
    case .back: return closeDetail()
    default: return performOnBench(command)
    }
  }
}
