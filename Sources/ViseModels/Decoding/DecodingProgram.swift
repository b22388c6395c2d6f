import ViseTensor

/// Turns a graph into steps over weights in their stored form.
struct DecodingProgram {
  let graph: Graph
  let weights: DecodingWeights
  let ropeTables: RopeTableCache
  /// Positions the caches have room for.
  let capacity: Int

  private(set) var scheduler = DecodingScheduler()
  private(set) var weightByteCount = 0
  private(set) var cacheByteCount = 0
  private(set) var products: [DecodingProduct] = []
  /// Floats of scratch space the weights need.
  private(set) var scratchCount = 0
  private var values: [Int: DecodingScheduler.Value] = [:]
  /// Rounded forms by value and what they are rounded for.
  private var rounded: [RoundedKey: DecodingScheduler.Value] = [:]

  private struct RoundedKey: Hashable {
    let value: DecodingScheduler.Value
    let type: StorageType
  }

  init(graph: Graph, weights: DecodingWeights, ropeTables: RopeTableCache, capacity: Int) {
    self.graph = graph
    self.weights = weights
    self.ropeTables = ropeTables
    self.capacity = capacity
  }

  /// The steps from tokens to the logits of the last one.
  mutating func schedule() throws -> DecodingSchedule {
    for node in graph.nodes { values[node.output.index] = try add(node) }
    let features = value(graph.features)
    let last = scheduler.add(
      .lastRow, features, width: scheduler.width(of: features), isLastOnly: true)
    let logits = try linear(last, graph.head, bias: nil, isLastOnly: true)
    return scheduler.finish(logits: logits)
  }

  private func value(_ id: ValueID) -> DecodingScheduler.Value {
    guard let value = values[id.index] else {
      preconditionFailure("a graph is in topological order")
    }
    return value
  }

  private mutating func add(_ node: Node) throws -> DecodingScheduler.Value {
    let inputs = node.inputs.map(value)
    let width = graph.widths[node.output.index]
    switch node.operation {
    case .embed(let table, let scale):
      return scheduler.add(.embed(table: try weights.table(table), scale: scale), width: width)
    case .addPositions(let table):
      let table = try weights.table(table)
      guard capacity <= table.rows else {
        throw ModelError.tokenOutOfRange(token: capacity - 1, vocabulary: table.rows)
      }
      return scheduler.add(.addPositions(table), inputs[0], width: width)
    case .rmsNorm(let weight, let group, let epsilon):
      let weight = try weights.vector(weight)
      return scheduler.add(
        .rmsNorm(weight: weight, group: group, epsilon: epsilon), inputs[0], width: width)
    case .layerNorm(let weight, let bias, let epsilon):
      let step = DecodingStep.Operation.layerNorm(
        weight: try weights.vector(weight), bias: try weights.vector(bias), epsilon: epsilon)
      return scheduler.add(step, inputs[0], width: width)
    case .linear(let weight, let bias):
      return try linear(inputs[0], weight, bias: bias)
    case .rope(let shape):
      let divisors = try shape.table.divisors.map { try weights.vector($0) }
      let table = ropeTables.table(shape.table, positions: capacity, divisors: divisors)
      return scheduler.add(.rope(shape, table: table), inputs[0], width: width)
    case .attention(let shape):
      return attention(inputs, shape, width: width)
    case .siluMultiply: return scheduler.add(.siluMultiply, inputs[0], inputs[1], width: width)
    case .geluMultiply: return scheduler.add(.geluMultiply, inputs[0], inputs[1], width: width)
    case .gelu: return scheduler.add(.gelu, inputs[0], width: width)
    case .add: return scheduler.add(.add, inputs[0], inputs[1], width: width)
    case .slice(let start): return scheduler.add(.slice(start: start), inputs[0], width: width)
    }
  }

  private mutating func attention(
    _ inputs: [DecodingScheduler.Value], _ shape: AttentionShape, width: Int
  ) -> DecodingScheduler.Value {
    let stores = zip(inputs[1...2], [shape.headLength, shape.valueLength]).map { input, length in
      let buffer = FloatBuffer(count: capacity * shape.keyValueHeads * length)
      cacheByteCount += buffer.byteCount
      return (buffer, scheduler.add(.store(buffer), input, width: 0))
    }
    return scheduler.add(
      .attention(shape, keys: stores[0].0, values: stores[1].0), inputs[0], stores[0].1,
      stores[1].1, width: width)
  }

  private mutating func linear(
    _ input: DecodingScheduler.Value, _ key: String, bias: String?, isLastOnly: Bool = false
  ) throws -> DecodingScheduler.Value {
    let factors = try weights.factors(of: key)
    let bias = try bias.map { try weights.vector($0) }
    var result = input
    for (index, factor) in factors.enumerated() {
      weightByteCount += factor.byteCount
      scratchCount = max(scratchCount, factor.scratchCount)
      products.append(factor.product(isLastOnly: isLastOnly))
      var inputs = [result]
      if let type = factor.packedType {
        inputs.append(round(result, for: type, columns: factor.columns, isLastOnly: isLastOnly))
      }
      result = scheduler.add(
        .linear(factor, bias: index == factors.count - 1 ? bias : nil), inputs,
        rowByteCount: factor.rowCount * 4, isLastOnly: isLastOnly)
    }
    return result
  }

  private mutating func round(
    _ value: DecodingScheduler.Value, for type: StorageType, columns: Int, isLastOnly: Bool
  ) -> DecodingScheduler.Value {
    let type = RoundedActivations.representative(of: type)
    let key = RoundedKey(value: value, type: type)
    if let found = rounded[key] { return found }
    let made = scheduler.add(
      .round(type), [value],
      rowByteCount: RoundedActivations.rowByteCount(for: type, columns: columns),
      isLastOnly: isLastOnly)
    rounded[key] = made
    return made
  }
}
