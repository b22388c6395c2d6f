public import ViseTensor

/// Changes of a model's weights that leave its function the same, or near it, weight by weight.
///
/// A value: nothing is computed until a weight is asked for, so a rewritten file is made with a few
/// tensors in memory.
public struct ModelRewrite: Sendable {
  /// What is done to each weight, in order, by its key.
  public private(set) var steps: [String: [WeightStep]] = [:]
  /// The key the head gets where it is stored apart from the embedding it was tied to.
  public private(set) var untiedHead: String?
  /// The length of the value heads where it changes.
  public internal(set) var valueLength: Int?
  /// The length of the query and key heads where it changes.
  public internal(set) var keyLength: Int?
  /// What was done, in words, for the new file's metadata.
  public var notes: [String] = []

  public init() {}

  public mutating func append(_ step: WeightStep, to key: String) {
    steps[key, default: []].append(step)
  }

  /// Stores the head apart: a copy of the embedding `table` as changed so far.
  mutating func untie(head: String, from table: String) {
    untiedHead = head
    steps[head] = steps[table, default: []]
  }

  /// The shape the weight `key` has, which was `shape`.
  func shape(of key: String, from shape: [Int]) -> [Int] {
    (steps[key] ?? []).reduce(shape) { $1.shape(from: $0) }
  }

  /// The weight `key` of the rewritten model, as the graph computes with it.
  public func weight(_ key: String, of model: Model) throws -> Matrix {
    let source =
      key == untiedHead ? try model.program.get().graph.head : key
    var weight = try model.decodeWeight(source)
    for step in steps[key] ?? [] { weight = try step.apply(to: weight) }
    return weight
  }
}

/// A reason a model cannot be rewritten as asked.
public enum RewriteError: Error, Equatable, Sendable {
  /// The rotation would change what the model computes.
  case notRotatable(reason: String)
  /// The heads cannot be made shorter.
  case notFactorable(reason: String)
  /// The base model lacks the weight, or has it in another shape.
  case otherBase(weight: String)
  /// The model is its own base.
  case equalToBase
  /// No two weights have channels between them that could be scaled.
  case nothingToScale
  /// The statistics lack a site's input.
  case needsCalibration(String)
  /// A value of the weight is too large for the float type.
  case overflow(weight: String)
}
