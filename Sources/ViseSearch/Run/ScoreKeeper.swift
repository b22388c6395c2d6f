import Synchronization
public import ViseCompression
public import ViseEvaluation

/// Adds plans to the trial store once they were measured on all windows, part by part.
public final class ScoreKeeper: Sendable {
  private let text: EvaluationText
  private let session: ModelSession
  private let recorder: TrialRecorder?
  /// Scores of plans measured in part.
  private let partial = Mutex<[Plan: [WindowScore]]>([:])

  /// - Parameter recorder: `nil` where nothing is kept.
  public init(text: EvaluationText, session: ModelSession, recorder: TrialRecorder?) {
    self.text = text
    self.session = session
    self.recorder = recorder
  }

  /// Takes the scores of the windows of `plan` that were measured next.
  public func keep(_ scores: [WindowScore], of plan: Plan) {
    guard let recorder else { return }
    let all = partial.withLock { partial in
      let all = (partial.removeValue(forKey: plan) ?? []) + scores
      if all.count < text.windowCount { partial[plan] = all }
      return all
    }
    // A search that was continued has not the scores of the first windows.
    guard all.count == text.windowCount, all.first?.window == 0 else { return }
    recorder.add(
      plan, measured: MeasuredQuality(all, windowLength: text.windowLength), on: text,
      session: session)
  }
}
