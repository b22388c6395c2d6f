public import ViseTensor

/// What a model is trained on: inputs by number, with the class of each where that is known.
public protocol TrainingExamples: Sendable {
  var count: Int { get }

  /// The examples `indices` as a batch: as many × channels × height × width, or any other shape the
  /// model takes.
  func batch(of indices: [Int]) -> Tensor

  /// The class of example `index`; only asked for where the loss uses labels.
  func label(of index: Int) -> Int
}
