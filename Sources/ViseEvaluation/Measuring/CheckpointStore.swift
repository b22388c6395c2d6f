import Synchronization
import ViseCompression
import ViseModels
import ViseTensor

/// Activations at cuts of the graph by window, from the plan last run on it.
///
/// A plan that differs only behind a cut may start there. Which cuts are kept follows from the
/// budget: every one, every n-th, and for a text too long only the first windows.
final class CheckpointStore: Sendable {
  private struct WindowEntry {
    var plan: Plan
    var values: [Int: Matrix]
  }

  /// A cut is kept where its index is a multiple of this.
  let stride: Int
  /// Windows from this on keep nothing.
  let windowLimit: Int
  private let entries = Mutex<[Int: WindowEntry]>([:])

  /// With fewer cuts kept, more is recomputed: beyond this the windows are cut down instead.
  private static let largestStride = 4

  init(cutCount: Int, windowCount: Int, bytesPerCut: Int, byteBudget: Int) {
    let affordable = byteBudget / max(bytesPerCut, 1)
    let stride = (1...Self.largestStride).first {
      windowCount * ((cutCount + $0 - 1) / $0) <= affordable
    }
    self.stride = stride ?? Self.largestStride
    windowLimit = min(
      windowCount, affordable / max(1, (cutCount + self.stride - 1) / self.stride))
  }

  func keeps(cut: Int, window: Int) -> Bool {
    window < windowLimit && cut % stride == 0
  }

  /// The latest kept checkpoint of `window` that `plan` shares.
  ///
  /// - Parameter lastCut: the last cut before the first difference between two plans.
  func start(
    window: Int, plan: Plan, lastCut: (_ plan: Plan, _ other: Plan) -> Int?
  ) -> ActivationCheckpoint? {
    guard let entry = entries.withLock({ $0[window] }), let last = lastCut(plan, entry.plan),
      let cut = entry.values.keys.filter({ $0 <= last }).max(), let value = entry.values[cut]
    else { return nil }
    return ActivationCheckpoint(cut: cut, value: value)
  }

  /// Replaces what is kept of `window` behind `cut` by values `plan` gave.
  ///
  /// Returns the values that were displaced, whose storage may be used again.
  func replace(
    window: Int, plan: Plan, after cut: Int?, with values: [Int: Matrix]
  ) -> [Matrix] {
    guard window < windowLimit else { return [] }
    return entries.withLock { entries in
      let old = entries[window]?.values ?? [:]
      var kept = old.filter { $0.key <= cut ?? -1 }
      let displaced = old.filter { kept[$0.key] == nil }.map(\.value)
      kept.merge(values) { _, new in new }
      entries[window] = WindowEntry(plan: plan, values: kept)
      return displaced
    }
  }
}
