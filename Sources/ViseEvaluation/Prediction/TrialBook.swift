import Glibc
import Synchronization
import ViseCompression
import ViseEstimates
import ViseModels

/// Measured plans of a model and what they teach its predictors; shared by engine and screen.
final class TrialBook: Sendable {
  /// Which predictor a figure is from: their errors differ.
  enum Tier: Int, CaseIterable {
    /// Superposition through the whole head.
    case probe
    /// Superposition in the logits of drawn tokens.
    case instant
    /// The plan run on the probe.
    case run
  }

  /// One measured plan.
  struct Entry: Sendable {
    /// Names the plan.
    let plan: String
    /// The plan; of no sites where it is not known any more.
    let outline: PlanOutline
    /// Uncorrected predictions, by tier; 0 where none was made.
    let predicted: [Double]
    let measured: Double
    /// Standard error of log `measured` that is left; 0 once the whole text was measured.
    let deviation: Double
  }

  private struct State {
    var entries: [Entry] = []
    var knowledge = Tier.allCases.map { _ in Knowledge() }
    var revision = 0
  }

  /// What the trials say of one tier's predictions.
  struct Knowledge: Sendable {
    var calibration = PredictionCalibration()
    var scale = NeighbourScale([])
    /// Plans that were measured last.
    var neighbours: [Entry] = []
  }

  /// Trials kept; the oldest go first.
  static let capacity = 128
  /// Latest plans that a new one may be a neighbour of: few, for a frame waits for it.
  private static let neighbourCount = 8
  /// Latest plans that are compared with each other.
  static let comparedEntries = 40
  private let state = Mutex(State())

  /// Takes up trials of earlier sessions, oldest first.
  init(_ entries: [Entry] = []) {
    let valid = entries.filter { $0.measured > 0 }
    guard !valid.isEmpty else { return }
    state.withLock { state in
      for entry in valid { Self.insert(entry, &state) }
      Self.learn(&state)
    }
  }

  /// Counts changes: what was calibrated at an equal revision still is what is known.
  var revision: Int { state.withLock { $0.revision } }

  func knowledge(_ tier: Tier) -> Knowledge {
    state.withLock { $0.knowledge[tier.rawValue] }
  }

  /// Adds a trial in place of an earlier one of the same plan.
  func record(_ entry: Entry) {
    guard entry.measured > 0 else { return }
    state.withLock { state in
      Self.insert(entry, &state)
      Self.learn(&state)
    }
  }

  private static func insert(_ entry: Entry, _ state: inout State) {
    state.entries.removeAll { $0.plan == entry.plan }
    if state.entries.count >= capacity { state.entries.removeFirst() }
    state.entries.append(entry)
  }

  private static func learn(_ state: inout State) {
    state.revision += 1
    let known = state.entries.filter { !$0.outline.treatments.isEmpty }
    for tier in Tier.allCases {
      func predicted(_ entry: Entry) -> Double { entry.predicted[tier.rawValue] }
      let calibration = PredictionCalibration(
        state.entries.map {
          PredictionTrial(predicted: predicted($0), measured: $0.measured)
        })
      let scale = NeighbourScale(
        known.suffix(Self.comparedEntries).compactMap { entry in
          let error = log(entry.measured / calibration.corrected(predicted(entry)))
          return error.isFinite ? (entry.outline, error) : nil
        })
      state.knowledge[tier.rawValue] = Knowledge(
        calibration: calibration, scale: scale,
        neighbours: Array(known.filter { predicted($0) > 0 }.suffix(Self.neighbourCount)))
    }
  }
}
