import Testing
import ViseFormats
import ViseTensor

@testable import ViseGraphs

private struct Shape: CustomStringConvertible {
  let x: [Int]
  let weight: [Int]
  let groups: Int
  let attributes: [String: [Int64]]

  var description: String { "\(x) with \(weight), \(groups) groups, \(attributes)" }
}

private let shapes: [Shape] = [
  Shape(x: [2, 3, 9, 11], weight: [5, 3, 3, 3], groups: 1, attributes: ["pads": [1, 1, 1, 1]]),
  Shape(x: [1, 16, 8, 8], weight: [16, 16, 3, 3], groups: 1, attributes: ["pads": [1, 1, 1, 1]]),
  Shape(
    x: [2, 4, 10, 7], weight: [6, 2, 3, 2], groups: 2,
    attributes: ["strides": [2, 3], "pads": [0, 1, 2, 1]]),
  Shape(
    x: [1, 4, 12, 12], weight: [4, 1, 3, 3], groups: 4,
    attributes: ["dilations": [2, 3], "pads": [2, 3, 2, 3]]),
  Shape(
    x: [1, 4, 12, 12], weight: [4, 1, 5, 3], groups: 4,
    attributes: ["strides": [2, 2], "pads": [2, 1, 1, 1]]),
  Shape(x: [3, 8, 5, 5], weight: [7, 8, 1, 1], groups: 1, attributes: [:]),
  Shape(x: [3, 8, 6, 5], weight: [7, 8, 1, 1], groups: 1, attributes: ["strides": [2, 2]]),
  Shape(x: [2, 3, 20], weight: [4, 3, 5], groups: 1, attributes: ["pads": [2, 2]]),
  Shape(
    x: [1, 2, 5, 6, 7], weight: [3, 2, 2, 3, 3], groups: 1,
    attributes: ["pads": [1, 1, 1, 0, 1, 1], "strides": [1, 2, 1]]),
  Shape(x: [1, 3, 4, 4], weight: [2, 3, 4, 4], groups: 1, attributes: [:]),
]

private func random(_ shape: [Int], _ source: inout RandomSource) -> Tensor {
  Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit()) - 0.5 })
}

@Test(arguments: shapes, [1, 2])
private func fastConvolutionAgreesWithItsDefinition(shape: Shape, threads: Int) throws {
  try BLAS.load()
  var source = RandomSource(seed: 3)
  let (x, weight) = (random(shape.x, &source), random(shape.weight, &source))
  let bias = random([shape.weight[0]], &source)
  let node = GraphNode(
    label: "c", domain: "", type: "Conv", inputs: [], outputs: [],
    attributes: shape.attributes.mapValues { .ints($0) }, subgraphs: [:])
  let window = try SpatialWindow(NodeDescription(node: node, opset: 17, opsets: [:]))
  let kernelContext = GraphContext(
    pool: threads > 1 ? ComputePool(threadCount: threads) : nil, memory: nil, byteLimit: 1 << 26
  ).kernelContext
  let fast = try ConvolutionOperators.run(
    x, weight, bias, groups: shape.groups, window, kernelContext)
  let sizes = try ConvolutionShape(
    shape.x, weight: shape.weight, groups: shape.groups, window)
  let plain = Tensor(.float32, sizes.outputShape)
  PlainConvolution<Float>(shape: sizes).run(
    x.pointer(Float.self), weight: weight.pointer(Float.self), bias: bias.pointer(Float.self),
    result: plain.pointer(Float.self))
  #expect(fast.shape == plain.shape)
  // Sums of `depth` products of numbers below 1/4, each rounded.
  let bound = Float(sizes.depth) * 0.25 * Float.ulpOfOne * 4
  for (a, b) in zip(fast.values(Float.self), plain.values(Float.self)) {
    #expect(abs(a - b) <= bound, "\(a) \(b)")
  }
}

@Test func twoConvolutionsOfOneSumAreBothAdded() throws {
  var source = RandomSource(seed: 5)
  let model = ONNXModel(
    path: "", byteCount: 0, irVersion: 8, producer: "", opsets: ["": 17],
    graph: ONNXGraph(
      name: "",
      nodes: [
        ONNXNode(name: "a", type: "Conv", inputs: ["x", "v"], outputs: ["a"]),
        ONNXNode(name: "b", type: "Conv", inputs: ["x", "w"], outputs: ["b"]),
        ONNXNode(name: "s", type: "Add", inputs: ["a", "b"], outputs: ["s"]),
        ONNXNode(name: "y", type: "Relu", inputs: ["s"], outputs: ["y"]),
      ],
      initializers: [
        ONNXTensor(name: "v", random([4, 3, 3, 3], &source)),
        ONNXTensor(name: "w", random([4, 3, 3, 3], &source)),
      ], inputs: [ONNXValue(name: "x", elementType: 1, shape: nil)],
      outputs: [ONNXValue(name: "y", elementType: 1, shape: nil)]))
  let program = try GraphProgram(model)
  let given = [program.inputValues[0]: random([2, 3, 6, 6], &source)]
  let context = GraphContext(pool: nil, memory: nil, byteLimit: 1 << 28)
  let (a, b, y) = (
    try #require(program.value(named: "a")), try #require(program.value(named: "b")),
    program.outputs[0]
  )
  let apart = try program.run(given, wanted: [a, b], context: context)
  let joined = try #require(try program.run(given, wanted: [y], context: context)[y])
  let sums = zip(
    try #require(apart[a]).values(Float.self), try #require(apart[b]).values(Float.self)
  ).map { max(0, $0 + $1) }
  for (joined, sum) in zip(joined.values(Float.self), sums) { #expect(abs(joined - sum) < 1e-5) }
}
