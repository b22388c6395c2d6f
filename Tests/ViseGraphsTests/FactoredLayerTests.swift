import Testing
import ViseCompression
import ViseFormats
import ViseTensor

@testable import ViseGraphs

private let work = RowWork(pool: nil)

private func random(_ shape: [Int], seed: UInt64) -> Tensor {
  var source = RandomSource(seed: seed)
  return Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit()) - 0.4 })
}

/// One layer of `type` on `x`, whose weight is "w" and whose bias is "b".
private func layer(
  _ type: String, input: [Int], weight: [Int], bias: Int? = nil,
  _ attributes: [String: ONNXAttribute] = [:]
) -> GraphModel {
  var initializers = [ONNXTensor(name: "w", random(weight, seed: 1))]
  var inputs = ["x", "w"]
  if type == "LSTM" {
    initializers.append(
      ONNXTensor(name: "r", random([weight[0], weight[1], weight[1] / 4], seed: 2)))
    inputs.append("r")
  }
  if let bias {
    initializers.append(ONNXTensor(name: "b", random([bias], seed: 3)))
    inputs.append("b")
  }
  return GraphModel(
    ONNXModel(
      path: "layer.onnx", byteCount: 0, irVersion: 8, producer: "", opsets: ["": 13],
      graph: ONNXGraph(
        name: "layer",
        nodes: [
          ONNXNode(
            name: "node", type: type, inputs: inputs, outputs: ["y"], attributes: attributes)
        ],
        initializers: initializers,
        inputs: [ONNXValue(name: "x", elementType: 1, shape: input.map { .fixed($0) })],
        outputs: [ONNXValue(name: "y", elementType: 1, shape: nil)])))
}

private func output(of model: ONNXModel, on x: Tensor) throws -> [Float] {
  try #require(try GraphProgram(model).run(["x": x], context: context).first).values(Float.self)
}

/// The planned graph makes what the layer makes of the weight that the parts stand for, and its file has
/// the length that was counted.
private func check(
  _ model: GraphModel, _ name: String, input: [Int], nodes: [String]? = nil
) throws {
  let site = try #require(model.sites.first { $0.site.name == "w" })
  let treatment = try #require(Treatment(name: name))
  #expect(treatment.problem(for: site.site) == nil, "\(name)")
  let plan = Plan(treatments: ["w": treatment])
  let planned = try PlannedGraph(model, plan: plan, work: work)
  let values = try GraphWeights(model).treated(
    site, under: treatment, calibration: nil, work: work
  ).values
  var editor = GraphEditor(model.source)
  editor.replace(
    "w", by: ONNXTensor(name: "w", try GraphWeights(model).tensor(of: site, values)))
  let x = random(input, seed: 4)
  let (made, wanted) = (
    try output(of: planned.model, on: x), try output(of: editor.model, on: x)
  )
  #expect(made.count == wanted.count)
  let largest = wanted.map(abs).max() ?? 0
  let farthest = zip(made, wanted).map { abs($0 - $1) }.max() ?? 0
  // Scales of integers are half floats in Vise's own files and floats in ONNX's.
  let tolerance: Float = treatment.format == nil ? 2e-5 : 2e-3
  #expect(farthest <= tolerance * largest, "\(name): \(farthest) of \(largest)")
  if let nodes { #expect(planned.model.graph.nodes.map(\.type) == nodes) }
  #expect(!planned.model.graph.initializers.contains { $0.name == "w" })
  let sizes = try GraphSizes(model)
  #expect(sizes.byteCount(of: plan) == (try ONNXWriter.byteCount(of: planned.model)))
}

private let chains = [
  "rank=3", "structure=tucker:3x5", "structure=cp:6", "structure=separable:5",
  "structure=tt:3x4x5", "structure=tucker:3x5 format=int8:channel",
  "structure=cp:6 format=int4:channel", "rank=3 format=int8",
]

@Test(arguments: chains)
func aConvolutionBecomesAChainOfThem(name: String) throws {
  let attributes: [[String: ONNXAttribute]] = [
    ["pads": .ints([1, 0, 2, 1]), "strides": .ints([2, 1])],
    ["dilations": .ints([1, 2]), "group": .int(1), "kernel_shape": .ints([3, 3])],
    ["auto_pad": .string(Array("SAME_UPPER".utf8)), "strides": .ints([2, 3])], [:],
  ]
  for attributes in attributes {
    try check(
      layer("Conv", input: [2, 6, 9, 8], weight: [8, 6, 3, 3], bias: 8, attributes), name,
      input: [2, 6, 9, 8])
  }
}

@Test(arguments: ["structure=tucker:3x5", "structure=cp:6", "structure=tt:3x5", "rank=4"])
func convolutionsAlongOneDimensionAreChainsToo(name: String) throws {
  try check(
    layer(
      "Conv", input: [2, 6, 14], weight: [9, 6, 5],
      ["pads": .ints([2, 1]), "strides": .ints([3])]), name, input: [2, 6, 14])
}

@Test(arguments: [
  "rank=4", "structure=tt:5x5", "structure=ht:5", "structure=ht:5 format=int8:channel",
])
func gateBlocksAreMultipliedOutOnLoading(name: String) throws {
  try check(
    layer("LSTM", input: [3, 2, 24], weight: [1, 48, 24], ["hidden_size": .int(12)]), name,
    input: [3, 2, 24])
}

@Test(arguments: ["rank=4", "rank=4 format=int8:channel", "structure=tt:40%", "structure=ht:30%"])
func linearLayersOfEitherOrderAreSplit(name: String) throws {
  try check(
    layer("Gemm", input: [5, 24], weight: [36, 24], bias: 36, ["transB": .int(1)]), name,
    input: [5, 24])
  try check(
    layer("Gemm", input: [5, 24], weight: [24, 36], bias: 36, ["alpha": .float(0.5)]), name,
    input: [5, 24])
  try check(layer("MatMul", input: [5, 24], weight: [24, 36]), name, input: [5, 24])
}

@Test func operationsOfAChainAreThoseOfTheForm() throws {
  let conv = layer("Conv", input: [1, 6, 9, 8], weight: [8, 6, 3, 3])
  let chain = { [String](repeating: "Conv", count: $0) }
  try check(conv, "structure=tucker:3x5", input: [1, 6, 9, 8], nodes: chain(3))
  try check(conv, "structure=separable:5", input: [1, 6, 9, 8], nodes: chain(2))
  try check(conv, "structure=cp:6", input: [1, 6, 9, 8], nodes: chain(4))
  let grouped = layer(
    "Conv", input: [1, 6, 9, 8], weight: [8, 3, 3, 3], ["group": .int(2)])
  let site = try #require(grouped.sites.first).site
  #expect(try #require(Treatment(name: "structure=cp:6")).problem(for: site) != nil)
  try check(grouped, "rank=3", input: [1, 6, 9, 8], nodes: ["MatMul", "Reshape", "Conv"])
}

/// A prior of the time counts a chain as a run of the planned graph does.
@Test(arguments: ["structure=tucker:3x5", "structure=cp:6", "structure=separable:5", "rank=3"])
func theTimePriorOfAChainIsThatOfItsGraph(name: String) throws {
  let input = [1, 6, 8, 8]
  let model = layer(
    "Conv", input: input, weight: [8, 6, 3, 3],
    ["pads": .ints([1, 1, 1, 1]), "strides": .ints([2, 2])])
  let x = random(input, seed: 5)
  let plan = Plan(treatments: ["w": try #require(Treatment(name: name))])
  let prior = try GraphTimePrior(model, input: x, context: context)
  let planned = try PlannedGraph(model, plan: plan, work: work)
  let cost = try GraphCost(planned.model, input: x, context: context)
  let whole = try GraphCost(model.source, input: x, context: context)
  #expect(abs(prior.ratio(of: plan) - Double(cost.time) / Double(whole.time)) < 1e-9)
}
