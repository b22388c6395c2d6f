import Synchronization
import ViseCompression
import ViseEvaluation
import ViseGraphs
import ViseSearch

/// Adds plans of an ONNX model to the trial store once a search has measured them whole.
final class GraphTrials: Sendable {
  private let recorder: TrialRecorder?
  private let model: GraphModel
  private let setting: String
  private let fingerprint: String
  /// Names the images that choose, and the others.
  private let selection: String
  private let verification: String
  private let selectionCount: Int
  /// Scores of plans measured in part.
  private let partial = Mutex<[Plan: ClassifierScores]>([:])

  /// - Parameters:
  ///   - recorder: `nil` where nothing is kept.
  ///   - setting: names the graph and its calibration.
  init(recorder: TrialRecorder?, model: GraphModel, setting: String, images: SearchImages) {
    self.recorder = recorder
    self.model = model
    self.setting = setting
    fingerprint = GraphFingerprint.compute(model)
    selection = "images \(images.identity)"
    verification = "images \(images.identity) rest"
    selectionCount = images.selectionCount
  }

  /// Takes what was measured for a search.
  func keep(_ scores: ClassifierScores, _ order: MeasurementOrder) {
    guard recorder != nil else { return }
    let all = partial.withLock { partial -> ClassifierScores in
      let known = order.windows.lowerBound == 0 ? nil : partial.removeValue(forKey: order.plan)
      let all = known?.appending(scores) ?? scores
      if all.count < selectionCount { partial[order.plan] = all }
      return all
    }
    // A search that was continued has not the scores of the first windows.
    if all.count == selectionCount { add(order.plan, all, images: selection) }
  }

  /// Takes what `plan` does to the images that had no share in the choice.
  func add(_ plan: Plan, _ scores: ClassifierScores) { add(plan, scores, images: verification) }

  private func add(_ plan: Plan, _ scores: ClassifierScores, images: String) {
    recorder?.add(
      plan, sites: model.sites.map(\.site), measured: scores, model: fingerprint,
      setting: setting, images: images)
  }
}
