import Testing
import ViseCompression
import ViseFormats
import ViseTensor

@testable import ViseGraphs

/// Ranges alone, as calibration would see them.
private struct Ranges: CalibrationSource {
  let identity = "test"
  let ranges: [String: ClosedRange<Float>]

  func statistics(of site: Site) -> SiteCalibration? { nil }
  func range(ofValue name: String) -> ClosedRange<Float>? { ranges[name] }
}

private func random(_ shape: [Int], seed: UInt64) -> Tensor {
  var source = RandomSource(seed: seed)
  return Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit()) - 0.5 })
}

private func node(
  _ type: String, _ inputs: [String], _ output: String, _ attributes: [String: ONNXAttribute] = [:]
) -> ONNXNode {
  ONNXNode(name: output, type: type, inputs: inputs, outputs: [output], attributes: attributes)
}

/// A residual block between two convolutions, normalized after each, and a linear layer.
private func network(shortcut: String? = nil) -> GraphModel {
  let pads: [String: ONNXAttribute] = ["pads": .ints([1, 1, 1, 1])]
  var nodes: [ONNXNode] = []
  var initializers: [ONNXTensor] = []
  for (index, (x, name)) in [("x", "stem"), ("r0", "c1"), ("r1", "c2")].enumerated() {
    let weight = index == 0 ? [4, 2, 3, 3] : [4, 4, 3, 3]
    nodes.append(node("Conv", [x, name], "\(name)/sum", pads))
    let parameters = ["scale", "shift", "mean", "variance"].map { "\(name)/\($0)" }
    nodes.append(node("BatchNormalization", ["\(name)/sum"] + parameters, "\(name)/out"))
    initializers.append(ONNXTensor(name: name, random(weight, seed: UInt64(index + 1))))
    for (place, parameter) in parameters.enumerated() {
      let values = random([4], seed: UInt64(10 * index + place + 20)).values(Float.self)
      initializers.append(
        ONNXTensor(name: parameter, Tensor([4], values.map { place % 3 == 0 ? 0.7 + $0 : $0 })))
    }
    if index < 2 { nodes.append(node("Relu", ["\(name)/out"], "r\(index)")) }
  }
  nodes += [
    node("Add", ["c2/out", shortcut == nil ? "r0" : "moved"], "sum"), node("Relu", ["sum"], "end"),
    node("GlobalAveragePool", ["end"], "p"), node("Flatten", ["p"], "g"),
    node("Gemm", ["g", "f", "b"], "y", ["transB": .int(1)]),
  ]
  if let shortcut { nodes.insert(node(shortcut, ["r0"], "moved"), at: nodes.count - 5) }
  initializers += [
    ONNXTensor(name: "f", random([3, 4], seed: 5)), ONNXTensor(name: "b", random([3], seed: 6)),
  ]
  return GraphModel(
    ONNXModel(
      path: "net.onnx", byteCount: 0, irVersion: 8, producer: "", opsets: ["": 17],
      graph: ONNXGraph(
        name: "net", nodes: nodes, initializers: initializers,
        inputs: [
          ONNXValue(
            name: "x", elementType: 1, shape: [.named("n"), .fixed(2), .fixed(6), .fixed(6)])
        ],
        outputs: [ONNXValue(name: "y", elementType: 1, shape: nil)])))
}

private func values(_ names: [String], of model: ONNXModel, on x: Tensor) throws -> [[Float]] {
  let program = try GraphProgram(model)
  let wanted = try names.map { try #require(program.value(named: $0)) }
  let made = try program.run([program.inputValues[0]: x], wanted: wanted, context: context)
  return try wanted.map { try #require(made[$0]).values(Float.self) }
}

private func quantized(
  _ treatments: [String: String], on x: Tensor, shortcut: String? = nil
) throws -> PlannedGraph {
  let model = network(shortcut: shortcut).foldingNormalizations()
  let names = ["x", "r0", "r1", "c2/out", "sum", "end", "g"] + (shortcut == nil ? [] : ["moved"])
  let ranges = try zip(names, values(names, of: model.source, on: x)).map { name, values in
    (name, (values.min() ?? 0)...(values.max() ?? 0))
  }
  var plan = Plan()
  for (site, name) in treatments { plan[site] = try #require(Treatment(name: name)) }
  return try PlannedGraph(
    model, plan: plan,
    calibration: Ranges(ranges: Dictionary(uniqueKeysWithValues: ranges)),
    work: RowWork(pool: nil))
}

private let bytes = "format=int8:channel inputs=int8"
private let everything = ["stem": bytes, "c1": bytes, "c2": bytes, "f": bytes]

@Test func foldedNormalizationsComputeTheSame() throws {
  let (model, x) = (network(), random([2, 2, 6, 6], seed: 9))
  let folded = model.foldingNormalizations()
  #expect(folded.operatorCounts["BatchNormalization"] == nil)
  #expect(folded.sites.map(\.site.name) == model.sites.map(\.site.name))
  #expect(folded.source.graph.initializers.count == 8)
  let expected = try values(["y", "end"], of: model.source, on: x)
  for (made, wanted) in zip(try values(["y", "end"], of: folded.source, on: x), expected) {
    for (made, wanted) in zip(made, wanted) { #expect(abs(made - wanted) < 1e-5) }
  }
}

@Test func aNormalizationThatOthersReadBehindStays() throws {
  let source = network().source
  let graph = ONNXGraph(
    name: "", nodes: source.graph.nodes, initializers: source.graph.initializers,
    inputs: source.graph.inputs,
    outputs: source.graph.outputs + [ONNXValue(name: "c1/sum", elementType: 1, shape: nil)])
  let model = GraphModel(
    ONNXModel(
      path: "", byteCount: 0, irVersion: 8, producer: "", opsets: source.opsets, graph: graph))
  #expect(model.foldingNormalizations().operatorCounts["BatchNormalization"] == 1)
}

@Test func sumsBetweenLayersOfBytesAddBytes() throws {
  let x = random([3, 2, 6, 6], seed: 8)
  let planned = try quantized(everything, on: x)
  let nodes = planned.model.graph.nodes
  let add = try #require(nodes.first { $0.type == "Add" })
  #expect(add.inputs == ["c2/out/dequantized", "r0/dequantized"])
  #expect(nodes.first { $0.type == "GlobalAveragePool" }?.inputs == ["end/dequantized"])
  // What several read is quantized once.
  #expect(nodes.count { $0.type == "QuantizeLinear" } == 6)
  let (exact, made) = (
    try values(["y"], of: network().source, on: x)[0],
    try values(["y"], of: planned.model, on: x)[0]
  )
  let scale = exact.map(abs).max() ?? 0
  for (exact, made) in zip(exact, made) { #expect(abs(exact - made) < 0.03 * scale) }
}

@Test func numbersThatWereOnlyMovedKeepTheirCodesAndComputedOnesDoNot() throws {
  let x = random([1, 2, 6, 6], seed: 8)
  for (shortcut, term) in [("Identity", "moved/dequantized"), ("Sigmoid", "moved")] {
    let nodes = try quantized(everything, on: x, shortcut: shortcut).model.graph.nodes
    #expect(nodes.first { $0.type == "Add" }?.inputs[1] == term)
  }
}

@Test func sumsStayWhereALayerReadsFloats() throws {
  let x = random([1, 2, 6, 6], seed: 8)
  for missing in ["c2", "f"] {
    var treatments = everything
    treatments[missing] = "int8:channel"
    let add = try quantized(treatments, on: x).model.graph.nodes.first { $0.type == "Add" }
    #expect(add?.inputs == ["c2/out", "r0"])
  }
}

@Test func biasesOfLayersOfBytesAreIntegersOnTheGridOfTheSums() throws {
  let x = random([1, 2, 6, 6], seed: 8)
  let planned = try quantized(everything, on: x)
  func tensor(_ name: String) throws -> Tensor {
    try #require(planned.model.graph.initializers.first { $0.name == name }?.tensor)
  }
  let (codes, scales) = (try tensor("b/codes"), try tensor("b/scales").values(Float.self))
  #expect(codes.type == .int32)
  let weights = try tensor("f/scales").values(Float.self)
  let input = try tensor("g/scale").values(Float.self)[0]
  #expect(scales == weights.map { input * $0 })
  let bias = random([3], seed: 6).values(Float.self)
  for index in 0..<3 {
    let decoded = Float(codes.values(Int32.self)[index]) * scales[index]
    #expect(abs(decoded - bias[index]) <= 0.5001 * scales[index])
  }
}

@Test func macsAreThoseOfTheProducts() throws {
  let x = random([1, 2, 6, 6], seed: 8)
  let cost = try GraphCost(network().source, input: x, context: context)
  #expect(cost.macs == 36 * (4 * 18 + 2 * 4 * 36) + 3 * 4)
  #expect(cost.uncounted.isEmpty)
  // Vectors of 16 channels have room for the 4 of each convolution; 2 or 4 read are not rounded.
  #expect(cost.vectorMacs == 36 * (16 * 18 + 2 * 16 * 36) + 3 * 4)
  #expect(cost.vectorFloats == 36 * (2 + 16 + 2 * (4 + 16)) + 4 + 3)
  let planned = try quantized(everything, on: x)
  #expect(try GraphCost(planned.model, input: x, context: context).macs == cost.macs)
}
