import ViseEstimates
import ViseWorkbench

extension Prediction {
  /// What is predicted of the plan on screen, and of the plan before the edit just made.
  init?(of state: WorkbenchState, by predictor: (any InstantPredictor)?) {
    guard let predictor else { return nil }
    let (quality, latency) = predictor.predict(state.document.plan)
    var before: QualityEstimate?
    if case .edit? = state.message, let plan = state.planBeforeEdit {
      before = predictor.predict(plan).quality
    }
    self.init(quality: quality, latency: latency, qualityBefore: before)
  }
}
