public import ViseCompression
public import ViseEstimates
public import ViseGraphs
public import ViseTensor

/// A search as the engine runs it, between two pieces of evaluation.
public protocol BackgroundSearch: AnyObject {
  /// Does a short piece of work; false once the search has ended.
  ///
  /// Where it throws `CancelledError`, the next call does the same piece again.
  func step(cancellation: CancellationFlag) throws -> Bool

  /// How far it is, and the best it has.
  var snapshot: SearchSnapshot { get }
}

/// What the engine lends to a search.
public struct SearchResources: Sendable {
  public let session: ModelSession
  public let predictor: PlanPredictor
  public let text: EvaluationText
  public let recorder: TrialRecorder?
  /// Speed on this machine; `nil` where nothing is timed.
  public let latency: (any LatencyPredicting)?
}

/// What the engine lends to a search of an ONNX model.
public struct GraphSearchResources {
  public let model: GraphModel
  public let predictor: ClassifierPredictor
  /// Of all the images.
  public let evaluator: ClassifierEvaluator
  public let images: LabelledImages
  public let calibration: (any CalibrationSource)?
}
