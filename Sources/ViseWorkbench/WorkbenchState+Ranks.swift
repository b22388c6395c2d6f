import ViseCompression
import ViseEstimates

/// An edit that waits for the singular values its ranks are found from.
struct PendingRanks: Hashable, Sendable {
  let intent: EditIntent
  let targets: [Int]
  var missing: Set<Int>
}

extension WorkbenchState {
  /// What asks for the singular values that `intent` needs; `nil` where all are known.
  mutating func requestSpectra(_ intent: EditIntent, on indices: [Int]) -> WorkbenchEffect? {
    guard case .rankRule = intent else { return nil }
    let missing = indices.filter { spectra[$0] == nil }
    guard !missing.isEmpty else { return nil }
    pendingRanks = PendingRanks(intent: intent, targets: indices, missing: Set(missing))
    message = .note(
      missing.count == 1
        ? "finding the singular values of \(sites[missing[0]].name)"
        : "finding the singular values of \(missing.count) layers")
    return .send(.findSpectra(missing))
  }

  /// `intent` with a number where a rule finds one from the singular values of `site`.
  func resolved(_ intent: EditIntent, for site: Site) -> Result<EditIntent, RankFault> {
    guard case .rankRule(let rule) = intent, let spectrum = spectra[site.index] else {
      return .success(intent)
    }
    let rank = spectrum.rank(rule, of: min(site.rows, site.columns))
    do throws(RankFault) {
      let treatment = try document.plan[site.name].factorized(atLeast: rank, for: site)
      return .success(.rank(treatment.lowRank?.rank))
    } catch {
      return .failure(error)
    }
  }

  /// Makes the edit that waited once nothing is missing.
  mutating func receive(_ spectrum: WeightSpectrum, site: Int) -> [WorkbenchEffect] {
    guard sites.indices.contains(site) else { return [] }
    spectra[site] = spectrum
    pendingRanks?.missing.remove(site)
    guard let pending = pendingRanks, pending.missing.isEmpty else { return [] }
    return edit(pending.intent, on: pending.targets)
  }

  mutating func spectrumFailed(site: Int, reason: String) {
    guard pendingRanks?.missing.contains(site) == true else { return }
    pendingRanks = nil
    message = .refusal("no rank can be found: \(reason)")
  }
}
