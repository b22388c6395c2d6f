import Synchronization
import ViseTensor

/// What one pass of a batch had before and after each linear operation.
public struct LinearTrace: Sendable {
  /// Inputs of linear operations, by value.
  fileprivate(set) var inputs: [ValueID: Matrix] = [:]
  /// Their results, by node.
  fileprivate(set) var outputs: [Int: Matrix] = [:]

  /// Bytes a trace of a pass over so many tokens takes.
  public static func byteCount(of graph: Graph, tokens: Int) -> Int {
    let linear = graph.nodes.filter(\.operation.isLinear)
    let values = Set(linear.map { $0.inputs[0] }).union(linear.map(\.output))
    return values.reduce(0) { $0 + graph.widths[$1.index] } * tokens * MemoryLayout<Float>.stride
  }

  mutating func note(node: Int, input: ValueID, _ x: Matrix, output: Matrix) {
    if inputs[input] == nil { inputs[input] = x.copy() }
    outputs[node] = output.copy()
  }
}

/// An earlier pass of the same batch, for passes that differ little from it.
///
/// A linear operation whose weight is the same gives what it gave then and its weight's product with
/// what its input changed by, which may be rounded: y′ = y + W·(x′ − x).
public struct KnownPass: Sendable {
  private let trace: LinearTrace
  private let weights: RoundedWeights
  /// Keys of weights and biases that are not as they were then.
  private let changed: Set<String>

  public init(trace: LinearTrace, weights: RoundedWeights, changed: Set<String>) {
    self.trace = trace
    self.weights = weights
    self.changed = changed
  }

  /// The result of linear node `index` for the input `x`, written to `y`; false where it has to be
  /// computed in full.
  func run(
    _ index: Int, _ node: Node, _ x: Matrix, _ source: some WeightSource, into y: Matrix
  ) throws -> Bool {
    guard case .linear(let weight, let bias) = node.operation, !changed.contains(weight),
      bias.map({ !changed.contains($0) }) ?? true, source.activationType(for: weight) == nil,
      let before = trace.inputs[node.inputs[0]], let output = trace.outputs[index]
    else { return false }
    let rounded = try weights.weight(weight, from: source)
    withExtendedLifetime(output) { y.pointer.update(from: output.pointer, count: output.count) }
    rounded.addProduct(
      rows: 0..<rounded.rows, with: RoundedChange(x, from: before), to: y.pointer,
      stride: y.columns)
    return true
  }
}

/// Weights of the reference rounded to eight bits, each made when first needed.
public final class RoundedWeights: Sendable {
  private let known = Mutex<[String: RoundedWeight]>([:])

  public init() {}

  /// Bytes that all weights of linear operations of `graph` take.
  public static func byteCount(of graph: Graph) -> Int {
    var seen: Set<String> = []
    return graph.nodes.reduce(0) { sum, node in
      guard case .linear(let weight, _) = node.operation, seen.insert(weight).inserted else {
        return sum
      }
      return sum
        + RoundedWeight.byteCount(
          rows: graph.widths[node.output.index], columns: graph.widths[node.inputs[0].index])
    }
  }

  /// Several workers may make the same weight at once.
  func weight(_ key: String, from source: some WeightSource) throws -> RoundedWeight {
    if let found = known.withLock({ $0[key] }) { return found }
    let made = try RoundedWeight(try source.weight(key), work: RowWork(pool: nil))
    known.withLock { $0[key] = made }
    return made
  }
}

extension Operation {
  fileprivate var isLinear: Bool {
    if case .linear = self { true } else { false }
  }
}
