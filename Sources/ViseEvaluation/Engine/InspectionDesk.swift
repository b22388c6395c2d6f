import ViseCompression
import ViseEstimates
import ViseTensor

/// Answers wishes to look into sites; each ends in an event.
struct InspectionDesk {
  let inspector: SiteInspector
  let sites: [Site]
  let inbox: EngineInbox
  let describe: @Sendable (any Error) -> String
  let emit: @Sendable (EngineEvent) -> Void

  /// Answers one wish; false where none waits.
  func serve() -> Bool {
    if let wish = inbox.takeInspection() {
      inspect(wish)
      return true
    }
    guard let site = inbox.takeSpectrum() else { return false }
    findSpectrum(site)
    return true
  }

  private func inspect(_ wish: EngineInbox.InspectionWish) {
    guard sites.indices.contains(wish.site) else { return }
    let flag = inbox.begin(.inspection).1
    emit(.activity("inspecting \(sites[wish.site].name)"))
    do {
      try inspector.inspect(sites[wish.site], under: wish.treatment, cancellation: flag) {
        emit(.inspected($0))
      }
    } catch is CancelledError {
    } catch {
      emit(
        .inspectionFailed(
          site: wish.site, treatment: wish.treatment, reason: describe(error)))
    }
    emit(.activity(nil))
  }

  private func findSpectrum(_ index: Int) {
    guard sites.indices.contains(index) else { return }
    let flag = inbox.begin(.preparation).1
    emit(.activity("finding singular values of \(sites[index].name)"))
    do {
      let found = try inspector.spectrum(of: sites[index], cancellation: flag)
      emit(.spectrum(site: index, found))
    } catch is CancelledError {
    } catch {
      emit(.spectrumFailed(site: index, reason: describe(error)))
    }
    emit(.activity(nil))
  }
}
