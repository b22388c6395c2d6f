import ViseCompression
import ViseModels

/// One value of a model that linear sites read; sites that read the same one share it.
struct CalibrationInput: Hashable, Sendable {
  /// The key of the first weight that reads it.
  let name: String
  let columns: Int
  /// The first node that reads it; for the head's input the number of nodes.
  let node: Int
}

/// All inputs of a model's linear sites, in the order of the data's path.
struct CalibrationInputs: Sendable {
  let all: [CalibrationInput]
  /// The index in `all` of each site's input, by the site's name.
  let indices: [String: Int]

  init(_ model: Model, _ graph: Graph) {
    let sites = Set(model.sites.map(\.name))
    var all: [CalibrationInput] = []
    var indices: [String: Int] = [:]
    var known: [ValueID: Int] = [:]
    func note(_ value: ValueID, weight: String, node: Int) {
      guard sites.contains(weight) else { return }
      let index =
        known[value]
        ?? {
          all.append(
            CalibrationInput(name: weight, columns: graph.widths[value.index], node: node))
          return all.count - 1
        }()
      known[value] = index
      indices[weight] = index
    }
    for (node, operation) in graph.nodes.enumerated() {
      if case .linear(let weight, _) = operation.operation {
        note(operation.inputs[0], weight: weight, node: node)
      }
    }
    note(graph.features, weight: graph.head, node: graph.nodes.count)
    self.all = all
    self.indices = indices
  }

  /// Runs of inputs whose sums fit `byteBudget` together; one that is too large stands alone.
  func groups(byteBudget: Int) -> [Range<Int>] {
    var groups: [Range<Int>] = []
    var start = 0
    var bytes = 0
    for (index, input) in all.enumerated() {
      let size = InputSums.byteCount(columns: input.columns)
      if index > start, bytes + size > byteBudget {
        groups.append(start..<index)
        start = index
        bytes = 0
      }
      bytes += size
    }
    if start < all.count { groups.append(start..<all.count) }
    return groups
  }
}
