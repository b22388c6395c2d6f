import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseTensor

@testable import ViseGraphs

private let samples = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "SampleModels")

private func sample(_ name: String) throws -> GraphModel {
  try GraphModel(path: samples.appending(path: "\(name)/\(name).onnx").path)
}

private func random(_ shape: [Int], _ source: inout RandomSource) -> Tensor {
  Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit()) - 0.5 })
}

private func node(
  _ type: String, _ inputs: [String], _ output: String,
  _ attributes: [String: ONNXAttribute] = [:]
) -> ONNXNode {
  ONNXNode(name: output, type: type, inputs: inputs, outputs: [output], attributes: attributes)
}

private func model(
  _ nodes: [ONNXNode], _ tensors: [ONNXTensor], input: [Int], output: String
) -> GraphModel {
  GraphModel(
    ONNXModel(
      path: "net.onnx", byteCount: 0, irVersion: 8, producer: "", opsets: ["": 17],
      graph: ONNXGraph(
        name: "net", nodes: nodes, initializers: tensors,
        inputs: [ONNXValue(name: "x", elementType: 1, shape: input.map { .fixed($0) })],
        outputs: [ONNXValue(name: output, elementType: 1, shape: nil)])))
}

/// Every way over which scaling passes: a convolution, a depthwise one, pooling, PReLU, flattened
/// planes, a linear layer with the inputs first and its bias added; channels differ by `spread`².
private func network(seed: UInt64, spread: Double = 100) -> GraphModel {
  var source = RandomSource(seed: seed)
  func unbalanced(_ name: String, _ shape: [Int], _ first: Bool = true) -> ONNXTensor {
    var values = random(shape, &source).values(Float.self)
    let rows = first ? shape[0] : shape[1]
    let factors = (0..<rows).map { _ in Float(pow(spread, 2 * source.nextUnit() - 1)) }
    let length = values.count / shape[0]
    for index in values.indices {
      values[index] *= factors[first ? index / length : index % rows]
    }
    return ONNXTensor(name: name, Tensor(shape, values))
  }
  let pads: [String: ONNXAttribute] = ["pads": .ints([1, 1, 1, 1])]
  let depthwise = pads.merging(["group": .int(6)]) { $1 }
  return model(
    [
      node("Conv", ["x", "c1", "b1"], "a", pads), node("Relu", ["a"], "b"),
      node("Conv", ["b", "dw"], "c", depthwise), node("Add", ["c", "shift"], "cs"),
      node("PRelu", ["cs", "slope"], "d"),
      node(
        "MaxPool", ["d"], "e",
        [
          "kernel_shape": .ints([2, 2]),
          "strides": .ints([2, 2]),
        ]),
      node("Flatten", ["e"], "f"), node("MatMul", ["f", "m"], "g"),
      node("Add", ["g", "mb"], "h"), node("LeakyRelu", ["h"], "i", ["alpha": .float(0.2)]),
      node("Gemm", ["i", "w", "wb"], "y", ["transB": .int(1)]),
    ],
    [
      unbalanced("c1", [6, 2, 3, 3]), unbalanced("b1", [6]), unbalanced("dw", [6, 1, 3, 3]),
      unbalanced("shift", [6, 1, 1]),
      ONNXTensor(
        name: "slope",
        Tensor(
          [6, 1, 1],
          [Float](
            repeating: 0.1, count: 6))),
      unbalanced("m", [24, 7], false), unbalanced("mb", [7]), unbalanced("w", [5, 7]),
      unbalanced("wb", [5]),
    ], input: [3, 2, 4, 4], output: "y")
}

private func outputs(_ model: ONNXModel, _ x: Tensor) throws -> [Float] {
  let program = try GraphProgram(model)
  let made = try program.run(
    [program.inputValues[0]: x], wanted: program.outputs, context: context)
  return try #require(made[program.outputs[0]]).values(Float.self)
}

/// The largest difference over the largest output.
private func relativeError(_ a: [Float], _ b: [Float]) -> Float {
  let scale = max(a.map(abs).max() ?? 0, .leastNormalMagnitude)
  return (zip(a, b).map { abs($0 - $1) }.max() ?? 0) / scale
}

private func reach(_ model: GraphModel, _ name: String, _ channel: (Int) -> Int, _ count: Int)
  throws -> [Float]
{
  let tensor = try #require(model.source.graph.initializers.first { $0.name == name }?.tensor)
  var result = [Float](repeating: 0, count: count)
  for (index, value) in tensor.values(Float.self).enumerated() {
    result[channel(index)] = max(result[channel(index)], abs(value))
  }
  return result
}

@Test(arguments: 0..<5 as Range<UInt64>)
func equalizationKeepsTheFunctionAndMakesRangesEqual(seed: UInt64) throws {
  let original = network(seed: seed)
  let result = try GraphEqualization(original)
  #expect(
    result.changes.map { [$0.maker, $0.reader] } == [["c1", "dw"], ["dw", "m"], ["m", "w"]])
  var source = RandomSource(seed: seed + 100)
  let x = random([3, 2, 4, 4], &source)
  let error = relativeError(
    try outputs(original.source, x), try outputs(result.model.source, x))
  #expect(error < 1e-5, "seed \(seed)")
  let sides: [(rows: [Float], columns: [Float])] = [
    (try reach(result.model, "c1", { $0 / 18 }, 6), try reach(result.model, "dw", { $0 / 9 }, 6)),
    (
      try reach(result.model, "dw", { $0 / 9 }, 6),
      try reach(result.model, "m", { $0 / 7 / 4 }, 6)
    ),
    (try reach(result.model, "m", { $0 % 7 }, 7), try reach(result.model, "w", { $0 % 7 }, 7)),
  ]
  for (pair, side) in sides.enumerated() {
    for (row, column) in zip(side.rows, side.columns) {
      // A pass that ends has no factor further from 1, and ranges differ by its square.
      #expect(abs(log(row / column)) <= 2 * log(1.011), "pair \(pair), seed \(seed)")
    }
  }
}

@Test func rewrittenSamplesComputeTheSame() throws {
  var source = RandomSource(seed: 71)
  let x = random([4, 1, 28, 28], &source)
  for (name, pairs) in [("resnet20-fashion", 9), ("mlp-fashion", 2)] {
    let folded = try sample(name).foldingNormalizations()
    let result = try GraphEqualization(folded)
    #expect(result.changes.count == pairs, "\(name)")
    let error = relativeError(
      try outputs(folded.source, x), try outputs(result.model.source, x))
    #expect(error < 1e-5, "\(name), seed 71")
  }
}

@Test func modelsWithoutPairsAreRefused() throws {
  for name in ["vit-fashion", "lstm-fashion"] {
    #expect(throws: GraphRewriteError.nothingToEqualize) {
      try GraphEqualization(sample(name).foldingNormalizations())
    }
  }
}

/// Mean KL of the softmax of rows of five.
private func divergence(_ a: [Float], _ b: [Float]) -> Double {
  func logs(_ row: ArraySlice<Float>) -> [Double] {
    let sum = log(row.reduce(0) { $0 + exp(Double($1)) })
    return row.map { Double($0) - sum }
  }
  let rows = stride(from: 0, to: a.count, by: 5).map { start in
    zip(logs(a[start..<start + 5]), logs(b[start..<start + 5]))
      .reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
  }
  return rows.reduce(0, +) / Double(rows.count)
}

@Test(arguments: 0..<3 as Range<UInt64>)
func equalizedLayersLoseLessInEightBitsATensor(seed: UInt64) throws {
  let original = network(seed: seed, spread: 30)
  let equalized = try GraphEqualization(original).model
  var source = RandomSource(seed: seed + 200)
  let x = random([3, 2, 4, 4], &source)
  let exact = try outputs(original.source, x)
  func loss(_ model: GraphModel) throws -> Double {
    var plan = Plan()
    for site in model.sites where site.site.name != "w" {
      plan[site.site.name] = try #require(Treatment(name: "int8:tensor"))
    }
    let planned = try PlannedGraph(model, plan: plan, work: RowWork(pool: nil))
    let scale = max(exact.map(abs).max() ?? 1, 1)
    return divergence(
      exact.map { $0 / scale * 4 }, try outputs(planned.model, x).map { $0 / scale * 4 })
  }
  #expect(try loss(equalized) < 0.5 * loss(original), "seed \(seed)")
}

@Test func whatSeveralReadIsNoPair() throws {
  var source = RandomSource(seed: 72)
  let tensors = ["c1", "c2", "c3"].map {
    ONNXTensor(name: $0, random([4, 4, 1, 1], &source))
  }
  let residual = model(
    [
      node("Conv", ["x", "c1"], "a"), node("Relu", ["a"], "b"), node("Conv", ["b", "c2"], "c"),
      node("Add", ["b", "c"], "d"), node("Conv", ["d", "c3"], "y"),
    ], tensors, input: [1, 4, 2, 2], output: "y")
  #expect(throws: GraphRewriteError.nothingToEqualize) { try GraphEqualization(residual) }
  let sigmoid = model(
    [
      node("Conv", ["x", "c1"], "a"), node("Sigmoid", ["a"], "b"), node("Conv", ["b", "c2"], "y"),
    ], Array(tensors.prefix(2)), input: [1, 4, 2, 2], output: "y")
  #expect(throws: GraphRewriteError.nothingToEqualize) { try GraphEqualization(sigmoid) }
}
