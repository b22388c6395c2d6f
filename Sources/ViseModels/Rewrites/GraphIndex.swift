/// Who makes and who reads each value of a graph, and how often a weight is used.
struct GraphIndex {
  let graph: Graph
  private let makers: [ValueID: Node]
  private let readers: [ValueID: [Node]]
  private let uses: [String: Int]

  init(_ graph: Graph) {
    self.graph = graph
    makers = Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.output, $0) })
    var readers: [ValueID: [Node]] = [:]
    var uses: [String: Int] = [graph.head: 1]
    for node in graph.nodes {
      for input in Set(node.inputs) { readers[input, default: []].append(node) }
      for weight in node.operation.weights { uses[weight, default: 0] += 1 }
    }
    self.readers = readers
    self.uses = uses
  }

  func maker(of value: ValueID) -> Node? { makers[value] }

  func readers(of value: ValueID) -> [Node] { readers[value] ?? [] }

  /// Whether only one operation uses each of `weights`.
  func areUsedOnce(_ weights: [String]) -> Bool { weights.allSatisfy { uses[$0] == 1 } }

  /// The linear weights that read `value`; `nil` where anything else does too.
  func linearReaders(of value: ValueID) -> [String]? {
    var weights: [String] = []
    for node in readers(of: value) {
      guard case .linear(let weight, _) = node.operation else { return nil }
      weights.append(weight)
    }
    return value == graph.features || weights.isEmpty ? nil : weights
  }

  /// The linear operation, or the rows of one, whose result `value` is.
  func linearSource(of value: ValueID) -> LinearRows? {
    guard let node = maker(of: value) else { return nil }
    switch node.operation {
    case .linear(let weight, let bias):
      let width = graph.widths[value.index]
      return LinearRows(weight: weight, bias: bias, first: 0, count: width, total: width)
    case .slice(let start):
      guard case .linear(let weight, let bias)? = maker(of: node.inputs[0])?.operation else {
        return nil
      }
      return LinearRows(
        weight: weight, bias: bias, first: start, count: graph.widths[value.index],
        total: graph.widths[node.inputs[0].index])
    default:
      return nil
    }
  }
}

/// Consecutive rows of a linear weight with their biases: channels of a value.
struct LinearRows: Hashable, Sendable {
  let weight: String
  let bias: String?
  let first: Int
  let count: Int
  /// Rows of the whole weight.
  let total: Int

  var range: Range<Int> { first..<first + count }

  /// `factors` of these rows, with 1 for the weight's others.
  func padded(_ factors: [Float]) -> [Float] {
    [Float](repeating: 1, count: first) + factors
      + [Float](repeating: 1, count: total - first - count)
  }
}
