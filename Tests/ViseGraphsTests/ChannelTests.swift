import Testing
import ViseCompression
import ViseFormats
import ViseTensor

@testable import ViseGraphs

private func random(_ shape: [Int], seed: UInt64) -> Tensor {
  var source = RandomSource(seed: seed)
  return Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit()) - 0.3 })
}

private func node(
  _ type: String, _ inputs: [String], _ output: String, _ attributes: [String: ONNXAttribute] = [:]
) -> ONNXNode {
  ONNXNode(name: output, type: type, inputs: inputs, outputs: [output], attributes: attributes)
}

/// A residual block whose inner channels pass a normalization and a depthwise convolution, and a
/// linear layer behind a mean.
private func network() -> GraphModel {
  let shapes: [(String, [Int])] = [
    ("stem", [4, 2, 3, 3]), ("c1", [6, 4, 3, 3]), ("b1", [6]), ("scale", [6]), ("shift", [6]),
    ("mean", [6]), ("variance", [6]), ("dw", [6, 1, 3, 3]), ("c2", [4, 6, 1, 1]),
    ("c3", [8, 4, 3, 3]), ("f", [3, 8]),
  ]
  let pads: [String: ONNXAttribute] = ["pads": .ints([1, 1, 1, 1])]
  return GraphModel(
    ONNXModel(
      path: "net.onnx", byteCount: 0, irVersion: 8, producer: "", opsets: ["": 17],
      graph: ONNXGraph(
        name: "net",
        nodes: [
          node("Conv", ["x", "stem"], "s", pads), node("Conv", ["s", "c1", "b1"], "a", pads),
          node("BatchNormalization", ["a", "scale", "shift", "mean", "variance"], "n"),
          node("Relu", ["n"], "r"),
          node(
            "Conv", ["r", "dw"], "d", pads.merging(["group": .int(6)]) { first, _ in first }),
          node("Conv", ["d", "c2"], "e"), node("Add", ["e", "s"], "t"),
          node("Conv", ["t", "c3"], "u", pads), node("GlobalAveragePool", ["u"], "p"),
          node("Flatten", ["p"], "g"), node("Gemm", ["g", "f"], "y", ["transB": .int(1)]),
        ],
        initializers: shapes.enumerated().map { index, shape in
          ONNXTensor(
            name: shape.0,
            shape.0 == "variance"
              ? Tensor([6], [Float](repeating: 0.7, count: 6))
              : random(shape.1, seed: UInt64(index + 1)))
        },
        inputs: [
          ONNXValue(
            name: "x", elementType: 1, shape: [.named("n"), .fixed(2), .fixed(5), .fixed(5)])
        ],
        outputs: [ONNXValue(name: "y", elementType: 1, shape: nil)])))
}

private func planned(_ model: GraphModel, _ treatments: [String: String]) throws -> PlannedGraph {
  var plan = Plan()
  for (site, name) in treatments { plan[site] = try #require(Treatment(name: name)) }
  return try PlannedGraph(model, plan: plan, work: RowWork(pool: nil))
}

private func output(_ model: ONNXModel, _ x: Tensor) throws -> [Float] {
  let program = try GraphProgram(model)
  return try #require(try program.run(["x": x], context: context).first).values(Float.self)
}

@Test func channelsOfResidualSumsStayAndThoseInsideBlocksCanGo() {
  let groups = GraphChannels(network().source.graph, network().sites).groups
  #expect(groups.keys.sorted() == ["c2", "f"])
  #expect(groups["c2"]?.makers == ["dw", "c1"])
  #expect(groups["c2"]?.vectors == ["scale", "shift", "mean", "variance", "b1"])
  #expect(groups["f"]?.makers == ["c3"])
}

/// What is exported small computes what the whole graph does with the same channels at zero.
@Test(arguments: [
  (["c2": "prune=0.5 pattern=channels method=magnitude"], "c2"),
  (["f": "prune=0.5 pattern=channels method=magnitude"], "f"),
])
func aSmallGraphComputesWhatZeroedChannelsDo(treatments: [String: String], leader: String) throws {
  let model = network()
  let small = try planned(model, treatments)
  let x = random([2, 2, 5, 5], seed: 20)
  func values(_ name: String, _ model: ONNXModel) throws -> (shape: [Int], values: [Float]) {
    let tensor = try #require(model.graph.initializers.first { $0.name == name }?.tensor)
    return (tensor.shape, tensor.values(Float.self))
  }
  let (shape, kept) = try values(leader, small.model)
  let (whole, all) = try values(leader, model.source)
  #expect(shape[1] == whole[1] / 2)
  // Columns of the whole weight that the small one lacks become zero.
  let columns = (0..<whole[1]).filter { column in
    (0..<shape[1]).contains { place in
      (0..<whole[0]).allSatisfy { all[$0 * whole[1] + column] == kept[$0 * shape[1] + place] }
    }
  }
  #expect(columns.count == shape[1])
  let zeroed = all.indices.map { columns.contains($0 % whole[1]) ? all[$0] : 0 }
  let program = try GraphProgram(model.source, weights: [leader])
  let made = try program.run(
    [
      program.inputValues[0]: x,
      try #require(program.value(named: leader)): Tensor(whole, zeroed),
    ], wanted: program.outputs, context: context)
  let expected = try #require(made[program.outputs[0]]).values(Float.self)
  for (a, b) in zip(try output(small.model, x), expected) { #expect(abs(a - b) < 1e-4) }
}

@Test func prunedChannelsAreQuantizedToo() throws {
  let small = try planned(
    network(), ["c2": "prune=0.5 pattern=channels format=int8:channel", "c1": "int8:channel"])
  let codes = small.model.graph.initializers.first { $0.name == "c1/codes" }
  #expect(codes?.shape == [3, 4, 3, 3] && small.notes.isEmpty)
  #expect(try output(small.model, random([1, 2, 5, 5], seed: 21)).allSatisfy(\.isFinite))
}

/// The prior of a plan's time, from shapes alone, is that of the graph the plan makes.
@Test(arguments: [
  ["c2": "prune=0.5 pattern=channels method=magnitude"],
  ["f": "prune=0.5 pattern=channels method=magnitude", "c3": "rank=2"],
  ["stem": "rank=3", "c1": "int8:channel", "f": "rank=1"],
])
func timesOfPlansAreThoseOfTheirGraphs(treatments: [String: String]) throws {
  let model = network()
  let x = random([1, 2, 5, 5], seed: 20)
  func cost(_ model: ONNXModel) throws -> Double {
    Double(try GraphCost(model, input: x, context: context).time)
  }
  let planned = try planned(model, treatments)
  var plan = Plan()
  for (site, name) in treatments { plan[site] = try #require(Treatment(name: name)) }
  let ratio = try GraphTimePrior(model, input: x, context: context).ratio(of: plan)
  let exact = try cost(planned.model) / cost(model.source)
  #expect(abs(ratio - exact) < 1e-12)
}
