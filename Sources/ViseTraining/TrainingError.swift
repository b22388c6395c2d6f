/// Why a model cannot be trained.
public enum TrainingError: Error, Hashable, Sendable {
  /// The plan leaves no weight that could be trained.
  case nothingToTrain
  case noExamples
  /// The model gave an output of this shape for so many examples.
  case wrongOutput(shape: [Int], examples: Int)
  /// The outputs of the model and of what teaches it have other shapes.
  case wrongTeacher(shape: [Int], expected: [Int])
  case labelOutOfRange(Int, classes: Int)
  /// The loss is infinite or no number at this step.
  case diverged(step: Int)
  /// The unfinished work at `path` is of another model, plan, data or options.
  case otherRun(path: String)
  case damagedCheckpoint(path: String)
}
