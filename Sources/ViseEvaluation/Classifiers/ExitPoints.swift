import ViseFormats
import ViseGraphs
import ViseTensor

/// Where a classifier can have exits, and what it costs to come there.
struct ExitPoints {
  private let graph: ONNXGraph
  private let program: GraphProgram
  private let cost: GraphCost
  private var makers: [String: Int] = [:]
  private let constants: Set<String>

  private static let activations: Set<String> = ["Relu", "LeakyRelu", "PRelu", "Clip", "HardSwish"]

  init(_ model: GraphModel, _ program: GraphProgram, _ cost: GraphCost) {
    graph = model.source.graph
    self.program = program
    self.cost = cost
    constants = Set(graph.initializers.map(\.name))
    for (index, node) in graph.nodes.enumerated() {
      for output in node.outputs where !output.isEmpty { makers[output] = index }
    }
  }

  /// MACs of one image for all operations that `values` need.
  func macs(for values: some Sequence<String>) -> Int {
    var waiting = Array(values)
    var seen = Set<Int>()
    var sum = 0
    while let value = waiting.popLast() {
      guard let maker = makers[value], seen.insert(maker).inserted else { continue }
      let node = graph.nodes[maker]
      sum += node.outputs.first.flatMap { cost.macsByValue[$0] } ?? 0
      waiting += node.inputs
    }
    return sum
  }

  /// `names` in the order of what they cost.
  ///
  /// - Throws: `WhatIfError.noSuchValue` for a name that no operation makes.
  func ordered(_ names: [String]) throws(WhatIfError) -> [String] {
    for name in names where makers[name] == nil { throw .noSuchValue(name) }
    return Set(names).map { (macs(for: [$0]), $0) }.sorted { $0 < $1 }.map(\.1)
  }

  /// The ends of residual stages: of the values that come out of residual sums and that alone all that
  /// follows needs, the last of each shape behind which more is multiplied than the exit itself takes.
  ///
  /// Where they have one shape, or there are none, those nearest to a quarter, a half and three
  /// quarters of the MACs.
  func chosen(input: Tensor, classes: Int, context: GraphContext) throws -> [String] {
    let cuts = program.cuts(before: []).filter { !program.outputs.contains($0) }
    let made = try program.run([program.inputValues[0]: input], wanted: cuts, context: context)
    let usable = cuts.compactMap { cut -> Candidate? in
      guard let value = made[cut], let features = ExitFeatures(value) else { return nil }
      let name = program.valueName(cut)
      let reached = macs(for: [name])
      guard reached > 0, cost.macs - reached > features.count * classes else { return nil }
      return Candidate(name: name, shape: value.shape, reached: reached)
    }
    let residual = usable.filter { isResidual($0.name) }
    let ends = residual.indices.filter {
      !residual[($0 + 1)...].contains { [shape = residual[$0].shape] in $0.shape == shape }
    }
    if Set(residual.map(\.shape)).count > 1 { return ends.map { residual[$0].name } }
    return quarters(of: residual.isEmpty ? usable : residual)
  }

  private struct Candidate {
    let name: String
    let shape: [Int]
    /// MACs up to it.
    let reached: Int
  }

  private func quarters(of candidates: [Candidate]) -> [String] {
    var names: [String] = []
    for quarter in 1...3 {
      let wanted = cost.macs / 4 * quarter
      // Of values that cost the same the last: an activation rather than what it reads.
      let nearest = candidates.reversed().min {
        abs($0.reached - wanted) < abs($1.reached - wanted)
      }
      if let nearest, !names.contains(nearest.name) { names.append(nearest.name) }
    }
    return names
  }

  /// Whether a value is the sum of two that are no constants, or the activation of one.
  private func isResidual(_ name: String) -> Bool {
    guard let maker = makers[name] else { return false }
    let node = graph.nodes[maker]
    if Self.activations.contains(node.type), let input = node.inputs.first {
      return makers[input].map { graph.nodes[$0].type == "Add" } ?? false && isResidual(input)
    }
    return node.type == "Add" && !node.inputs.contains { constants.contains($0) }
  }
}

/// What a probe reads of a value: each channel's mean over the image.
struct ExitFeatures {
  /// For one image.
  let count: Int
  /// Images × features.
  let values: [Float]

  /// Images × features as they are, images × tokens × features over the tokens, images × channels × …
  /// over the planes; `nil` for other values.
  init?(_ value: Tensor) {
    guard value.type == .float32, value.rank >= 2, value.count > 0 else { return nil }
    let images = value.shape[0]
    let isTokens = value.rank == 3
    count = isTokens ? value.shape[2] : value.shape[1]
    let places = value.count / (images * count)
    let given = value.values(Float.self)
    var sums = [Double](repeating: 0, count: images * count)
    for (index, number) in given.enumerated() {
      let image = index / (count * places)
      let feature = isTokens ? index % count : index / places % count
      sums[image * count + feature] += Double(number)
    }
    values = sums.map { Float($0 / Double(places)) }
  }
}
