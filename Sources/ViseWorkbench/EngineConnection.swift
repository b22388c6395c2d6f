public import ViseEstimates

/// A front end's line to the engine.
///
/// Nothing in it ever blocks.
///
/// Events come back through the ``EngineMailbox`` handed over when the connection was made.
public protocol EngineConnection: Sendable {
  /// Hands over a request; the newest plan supersedes the ones before.
  func send(_ request: EngineRequest)

  /// What answers within the frame; `nil` until the model is known.
  var predictor: (any InstantPredictor)? { get }

  /// Asks all work to end and returns at once.
  func shutDown()
}
