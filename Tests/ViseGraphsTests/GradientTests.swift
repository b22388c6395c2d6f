import Testing
import ViseFormats
import ViseTensor

@testable import ViseGraphs

private typealias Node = GradientCheck

private let seeds: [UInt64] = [1, 2]

private struct WindowCase: CustomTestStringConvertible, Sendable {
  let description: String
  let image: [Int]
  let filters: [Int]
  let attributes: [String: ONNXAttribute]
  var testDescription: String { description }
}

private let windows: [WindowCase] = [
  WindowCase(
    description: "padded", image: [2, 3, 6, 5], filters: [4, 3, 3, 3],
    attributes: ["pads": .ints([1, 1, 1, 1])]),
  WindowCase(
    description: "more than a block", image: [2, 3, 5, 4], filters: [20, 3, 3, 2],
    attributes: ["pads": .ints([1, 0, 1, 1])]),
  WindowCase(
    description: "few filters", image: [2, 3, 6, 5], filters: [2, 3, 3, 3],
    attributes: ["pads": .ints([1, 0, 0, 1])]),
  WindowCase(
    description: "strided", image: [2, 3, 7, 6], filters: [5, 3, 3, 3],
    attributes: ["pads": .ints([1, 1, 1, 1]), "strides": .ints([2, 2])]),
  WindowCase(
    description: "pointwise", image: [2, 5, 4, 4], filters: [6, 5, 1, 1], attributes: [:]),
  WindowCase(
    description: "pointwise, strided", image: [2, 5, 5, 5], filters: [6, 5, 1, 1],
    attributes: ["strides": .ints([2, 2])]),
  WindowCase(
    description: "dilated", image: [1, 2, 8, 8], filters: [4, 2, 3, 3],
    attributes: ["dilations": .ints([2, 2]), "pads": .ints([2, 2, 2, 2])]),
  WindowCase(
    description: "grouped", image: [2, 4, 5, 5], filters: [8, 2, 3, 3],
    attributes: ["group": .int(2), "pads": .ints([1, 1, 1, 1])]),
  WindowCase(
    description: "depthwise", image: [2, 4, 6, 6], filters: [4, 1, 3, 3],
    attributes: ["group": .int(4), "pads": .ints([1, 1, 1, 1])]),
  WindowCase(
    description: "depthwise, strided", image: [2, 4, 6, 6], filters: [4, 1, 3, 3],
    attributes: [
      "group": .int(4), "pads": .ints([1, 1, 1, 1]), "strides": .ints([2, 2]),
    ]),
  WindowCase(
    description: "more padding than kernel", image: [1, 2, 4, 4], filters: [4, 2, 3, 3],
    attributes: ["pads": .ints([3, 3, 3, 3])]),
  WindowCase(
    description: "one dimension", image: [2, 3, 9], filters: [4, 3, 3],
    attributes: ["pads": .ints([1, 1])]),
]

@Test(arguments: windows, seeds)
private func convolutionsHaveTheGradientsOfDifferences(window: WindowCase, seed: UInt64) throws {
  try GradientCheck(
    [Node.node("Conv", ["v", "w", "b"], window.attributes)],
    [
      "x": uniform(window.image, seed: seed), "w": uniform(window.filters, seed: seed + 10),
      "b": uniform([window.filters[0]], seed: seed + 20),
    ]
  ).run(seed: seed)
}

@Test(arguments: seeds, [false, true])
func productsHaveTheGradientsOfDifferences(seed: UInt64, transposes: Bool) throws {
  for (left, right) in [
    ([4, 3], [3, 5]), ([2, 4, 3], [3, 5]), ([2, 4, 3], [2, 3, 5]),
    ([2, 4, 3], [1, 3, 5]), ([4, 3], [2, 3, 5]),
  ] {
    try GradientCheck(
      [Node.node("MatMul", ["v", "w"])],
      ["x": uniform(left, seed: seed), "w": uniform(right, seed: seed + 1)]
    ).run(seed: seed)
  }
  for transB in [0, 1] {
    try GradientCheck(
      [
        Node.node(
          "Gemm", ["v", "w", "c"],
          [
            "transA": .int(transposes ? 1 : 0), "transB": .int(Int64(transB)),
            "alpha": .float(0.5), "beta": .float(2),
          ])
      ],
      [
        "x": uniform(transposes ? [3, 4] : [4, 3], seed: seed),
        "w": uniform(transB == 1 ? [5, 3] : [3, 5], seed: seed + 1),
        "c": uniform([5], seed: seed + 2),
      ]
    ).run(seed: seed)
  }
}

@Test(arguments: ["Add", "Sub", "Mul", "Div"], seeds)
func arithmeticHasTheGradientsOfDifferencesWhereItBroadcasts(type: String, seed: UInt64) throws {
  for shape in [[2, 3, 4], [4], [3, 1], [1, 3, 4], []] {
    // Divisors stay away from zero.
    let other = uniform(shape, seed: seed + 1)
    for i in 0..<other.count { other.pointer(Float.self)[i] += 2.5 }
    let parameters = ["x": uniform([2, 3, 4], seed: seed), "w": other]
    try GradientCheck([Node.node(type, ["v", "w"])], parameters).run(seed: seed)
    if type != "Div" {
      try GradientCheck([Node.node(type, ["w", "v"])], parameters).run(seed: seed)
    }
  }
}

@Test(
  arguments: [
    "Relu", "Sigmoid", "Tanh", "Exp", "Neg", "Abs", "Softplus", "HardSwish", "Erf", "LeakyRelu",
    "Elu", "HardSigmoid", "Gelu",
  ], seeds)
func activationsHaveTheGradientsOfDifferences(type: String, seed: UInt64) throws {
  try GradientCheck(
    [Node.node(type, ["v"])], ["x": spaced([3, 20], seed: seed)], opset: 20
  ).run(seed: seed)
}

@Test(arguments: seeds)
func activationsWithParametersHaveTheGradientsOfDifferences(seed: UInt64) throws {
  let x = ["x": spaced([2, 3, 8], seed: seed)]
  try GradientCheck(
    [Node.node("Clip", ["v", "low", "high"])], x,
    constants: ["low": Tensor([], [Float(-1)]), "high": Tensor([], [Float(0.5)])]
  ).run(seed: seed)
  try GradientCheck(
    [Node.node("Clip", ["v"], ["min": .float(0), "max": .float(1)])], x, opset: 7
  ).run(seed: seed)
  try GradientCheck(
    [Node.node("Gelu", ["v"], ["approximate": .string(Array("tanh".utf8))])], x, opset: 20
  ).run(seed: seed)
  try GradientCheck(
    [Node.node("PRelu", ["v", "slope"])],
    x.merging(["slope": uniform([3, 1], seed: 9)]) { a, _ in a }
  ).run(seed: seed)
  let positive = uniform([2, 12], seed: seed)
  for i in 0..<positive.count { positive.pointer(Float.self)[i] += 2 }
  for type in ["Sqrt", "Log", "Reciprocal"] {
    try GradientCheck([Node.node(type, ["v"])], ["x": positive]).run(seed: seed)
  }
  for exponent in [2, 3, 0.5] as [Float] {
    try GradientCheck(
      [Node.node("Pow", ["v", "p"])], ["x": positive], constants: ["p": Tensor([], [exponent])]
    ).run(seed: seed)
  }
}

@Test(arguments: seeds)
func poolsHaveTheGradientsOfDifferences(seed: UInt64) throws {
  let x = ["x": spaced([2, 3, 6, 6], seed: seed)]
  let padded: [String: ONNXAttribute] = [
    "kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1]),
  ]
  for type in ["MaxPool", "AveragePool"] {
    try GradientCheck([Node.node(type, ["v"], padded)], x).run(seed: seed)
  }
  var counting = padded
  counting["count_include_pad"] = .int(1)
  try GradientCheck([Node.node("AveragePool", ["v"], counting)], x).run(seed: seed)
  for type in ["GlobalAveragePool", "GlobalMaxPool"] {
    try GradientCheck([Node.node(type, ["v"])], x).run(seed: seed)
  }
}

@Test(arguments: seeds)
func normalizationsHaveTheGradientsOfDifferences(seed: UInt64) throws {
  let variance = uniform([3], seed: seed + 4)
  for i in 0..<3 { variance.pointer(Float.self)[i] += 1.5 }
  let moments = ["mean": uniform([3], seed: seed + 3), "variance": variance]
  let parameters = [
    "x": uniform([4, 3, 5, 2], seed: seed), "scale": uniform([3], seed: seed + 1),
    "shift": uniform([3], seed: seed + 2),
  ]
  let batch = Node.node("BatchNormalization", ["v", "scale", "shift", "mean", "variance"])
  try GradientCheck([batch], parameters, constants: moments).run(seed: seed)
  try GradientCheck(
    [batch], parameters, constants: moments, batchNormalized: ["scale"]
  ).run(seed: seed)
  for (axis, shape) in [(-1, [6]), (1, [4, 6])] {
    try GradientCheck(
      [Node.node("LayerNormalization", ["v", "scale", "shift"], ["axis": .int(Int64(axis))])],
      [
        "x": uniform([3, 4, 6], seed: seed), "scale": uniform(shape, seed: seed + 1),
        "shift": uniform(shape, seed: seed + 2),
      ]
    ).run(seed: seed)
  }
}

@Test(arguments: ["Softmax", "LogSoftmax"], seeds)
func softmaxHasTheGradientsOfDifferences(type: String, seed: UInt64) throws {
  for (axis, opset) in [(1, 9), (1, 17), (-1, 17)] {
    try GradientCheck(
      [Node.node(type, ["v"], ["axis": .int(Int64(axis))])],
      ["x": uniform([2, 4, 3], seed: seed)], opset: opset
    ).run(seed: seed)
  }
}

@Test(arguments: seeds)
func movedElementsHaveTheGradientsOfDifferences(seed: UInt64) throws {
  let x = ["x": uniform([2, 3, 4], seed: seed)]
  func ints(_ values: [Int64]) -> Tensor { Tensor([values.count], values) }
  let cases: [(ONNXNode, [String: Tensor])] = [
    (Node.node("Reshape", ["v", "shape"]), ["shape": ints([4, 6])]),
    (Node.node("Flatten", ["v"], ["axis": .int(2)]), [:]),
    (Node.node("Unsqueeze", ["v", "axes"]), ["axes": ints([1])]),
    (Node.node("Transpose", ["v"], ["perm": .ints([2, 0, 1])]), [:]),
    (Node.node("Expand", ["v", "shape"]), ["shape": ints([5, 2, 3, 4])]),
    (
      Node.node("Slice", ["v", "starts", "ends", "axes", "steps"]),
      [
        "starts": ints([1, 0]), "ends": ints([3, 4]), "axes": ints([1, 2]), "steps": ints([1, 2]),
      ]
    ),
    (
      Node.node("Gather", ["v", "indices"], ["axis": .int(1)]),
      ["indices": Tensor([2, 2], [0, 2, 2, 1] as [Int64])]
    ),
    (Node.node("Pad", ["v", "pads"]), ["pads": ints([0, 1, 1, 1, 0, 2])]),
    (Node.node("Tile", ["v", "repeats"]), ["repeats": ints([1, 2, 1])]),
    (Node.node("ReduceMean", ["v"], ["axes": .ints([1]), "keepdims": .int(0)]), [:]),
    (Node.node("ReduceMean", ["v"], ["axes": .ints([0, 2])]), [:]),
    (Node.node("ReduceSum", ["v", "axes"]), ["axes": ints([2])]),
  ]
  for (node, constants) in cases {
    try GradientCheck([node], x, constants: constants).run(seed: seed)
  }
  try GradientCheck(
    [Node.node("Concat", ["v", "w", "v"], ["axis": .int(1)])],
    x.merging(["w": uniform([2, 2, 4], seed: seed + 1)]) { a, _ in a }
  ).run(seed: seed)
}

@Test(arguments: ["forward", "reverse", "bidirectional"], seeds)
func recurrentLayersHaveTheGradientsOfDifferences(direction: String, seed: UInt64) throws {
  let (steps, batch, features, hidden) = (4, 2, 3, 5)
  let directions = direction == "bidirectional" ? 2 : 1
  let attributes: [String: ONNXAttribute] = [
    "hidden_size": .int(Int64(hidden)), "direction": .string(Array(direction.utf8)),
  ]
  let parameters = [
    "x": uniform([steps, batch, features], seed: seed),
    "w": uniform([directions, 4 * hidden, features], seed: seed + 1),
    "r": uniform([directions, 4 * hidden, hidden], seed: seed + 2),
    "b": uniform([directions, 8 * hidden], seed: seed + 3),
    "h": uniform([directions, batch, hidden], seed: seed + 4),
    "c": uniform([directions, batch, hidden], seed: seed + 5),
  ]
  func layer(_ outputs: [String]) -> ONNXNode {
    ONNXNode(
      name: "lstm", type: "LSTM", inputs: ["v", "w", "r", "b", "", "h", "c"], outputs: outputs,
      attributes: attributes)
  }
  try GradientCheck([layer(["y"])], parameters).run(seed: seed)
  try GradientCheck(
    [layer(["", "s", "m"]), Node.node("Mul", ["s", "m"])], parameters
  ).run(seed: seed)
}

@Test(arguments: seeds)
func aValueThatSeveralReadHasTheSumOfTheirGradients(seed: UInt64) throws {
  try GradientCheck(
    [
      Node.node("Conv", ["v", "w"], ["pads": .ints([1, 1, 1, 1])], to: "c"),
      Node.node("Add", ["c", "v"], to: "s"), Node.node("Tanh", ["s"], to: "t"),
      Node.node("Mul", ["t", "s"]),
    ],
    ["x": uniform([2, 4, 5, 5], seed: seed), "w": uniform([4, 4, 3, 3], seed: seed + 1)]
  ).run(seed: seed)
}

@Test func codesPassGradientsThroughWithinTheirRange() throws {
  let nodes = [
    Node.node("QuantizeLinear", ["v", "s", "z"], to: "q"),
    Node.node("DequantizeLinear", ["q", "s", "z"]),
  ]
  let model = GradientCheck(
    nodes, ["x": Tensor([4], [-3, -0.2, 0.3, 90] as [Float])],
    constants: ["s": Tensor([], [Float(0.25)]), "z": Tensor([], [UInt8(2)])])
  #expect(try model.gradient() == [0, 1, 1, 0])
}

@Test func operatorsWithoutADerivativeAreNamed() {
  let check = GradientCheck(
    [Node.node("TopK", ["v", "k"])], ["x": uniform([4], seed: 1)],
    constants: ["k": Tensor([1], [Int64(1)])])
  #expect(throws: GradientError.notDifferentiable(["TopK"])) { try check.gradient() }
  let unread = GradientCheck(
    [Node.node("Relu", ["v"])],
    ["x": uniform([4], seed: 1), "w": uniform([4], seed: 1)])
  #expect(throws: GradientError.notAParameter("w")) { try unread.gradient() }
}

/// Images that fill the cache are summed over in parts.
@Test func filtersGradientsOfImagesAddUp() throws {
  var random = RandomSource(seed: 7)
  func numbers(_ shape: [Int]) -> Tensor {
    Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(random.nextUnit()) - 0.5 })
  }
  func part(_ tensor: Tensor, _ image: Int) -> Tensor {
    let size = tensor.count / 3
    return Tensor(
      [1] + tensor.shape.dropFirst(),
      Array(tensor.values(Float.self)[image * size..<(image + 1) * size]))
  }
  let (x, dy, weight) = (numbers([3, 16, 62, 60]), numbers([3, 4, 60, 58]), [4, 16, 3, 3])
  let node = GraphNode(
    label: "c", domain: "", type: "Conv", inputs: [], outputs: [], attributes: [:], subgraphs: [:])
  let window = try SpatialWindow(NodeDescription(node: node, opset: 17, opsets: [:]))
  let context = GraphContext(pool: nil, memory: nil, byteLimit: 1 << 26).kernelContext
  func gradient(_ x: Tensor, _ dy: Tensor) throws -> [Float] {
    try ConvolutionDerivative(
      shape: ConvolutionShape(x.shape, weight: weight, groups: 1, window), context: context
    ).weightGradient(dy, x, weight).values(Float.self)
  }
  let whole = try gradient(x, dy)
  let parts = try (0..<3).map { try gradient(part(x, $0), part(dy, $0)) }
  for index in whole.indices {
    #expect(abs(whole[index] - parts.reduce(0) { $0 + $1[index] }) < 1e-3)
  }
}
