public import ViseCompression
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

  /// Chooses treatments for the sites `base` does not treat, within `limits`, from what is known now.
  ///
  /// Called between a key and the frame that shows it.
  func fit(base: Plan, limits: PlanLimits) -> FitOutcome

  /// Mixes of types that `plan(for:)` knows by name.
  var presetNames: [String] { get }

  /// The plan of a preset or a file for the open model.
  ///
  /// May read a file, so it is called beside the loop.
  func plan(for source: PlanSource) -> PlanAnswer

  /// The plan as a file that `plan(for:)` reads; `nil` until the model is known.
  func text(of plan: Plan) -> String?

  /// Asks all work to end and returns at once.
  func shutDown()
}
