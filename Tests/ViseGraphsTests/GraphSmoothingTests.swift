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

/// Statistics whose inputs reach as far as `reach` says, by site.
private struct Reaches: CalibrationSource {
  let identity = "test"
  let reach: [String: [Float]]

  func statistics(of site: Site) -> SiteCalibration? {
    reach[site.name].map {
      SiteCalibration(
        tokenCount: 1, secondMoment: Matrix.zeros(rows: $0.count, columns: $0.count), mean: $0,
        minimum: $0.map { -$0 }, maximum: $0)
    }
  }
}

private func random(_ shape: [Int], _ source: inout RandomSource) -> Tensor {
  Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit()) })
}

private func run(_ model: ONNXModel, _ wanted: String, _ x: Tensor) throws -> Tensor {
  let program = try GraphProgram(model)
  let value = try #require(program.value(named: wanted))
  let made = try program.run([program.inputValues[0]: x], wanted: [value], context: context)
  return try #require(made[value])
}

/// The largest magnitude of each of the last dimension's channels of `value`.
private func reach(_ tensor: Tensor) -> [Float] {
  let width = tensor.shape.last ?? 1
  var result = [Float](repeating: 0, count: width)
  for (index, value) in tensor.values(Float.self).enumerated() {
    result[index % width] = max(result[index % width], abs(value))
  }
  return result
}

/// By site behind a normalization, the name of what it reads.
private func inputs(of model: GraphModel) -> [String: String] {
  let norms = Set(
    model.source.graph.nodes.filter { $0.type == "LayerNormalization" }.flatMap(\.outputs))
  return model.sites.reduce(into: [:]) { found, site in
    guard let input = GraphInput(site, of: model), norms.contains(input.value) else { return }
    found[site.site.name] = input.value
  }
}

@Test(arguments: [0, 0.5, 1])
func smoothingKeepsTheFunctionOfATransformer(alpha: Double) throws {
  let original = try sample("vit-fashion")
  var source = RandomSource(seed: 81)
  let x = random([4, 1, 28, 28], &source)
  let inputs = inputs(of: original)
  let before = try inputs.mapValues { reach(try run(original.source, $0, x)) }
  let result = try GraphSmoothing(
    original, calibration: Reaches(reach: before), alpha: alpha)
  #expect(result.changes.count == 8 && inputs.count == 8)
  let output = original.source.graph.outputs[0].name
  let a = try run(original.source, output, x).values(Float.self)
  let b = try run(result.model.source, output, x).values(Float.self)
  let scale = a.map(abs).max() ?? 1
  #expect((zip(a, b).map { abs($0 - $1) }.max() ?? 0) < 1e-5 * scale, "seed 81")
  for (site, value) in inputs {
    let weight = try #require(
      result.model.source.graph.initializers.first { $0.name == site }?.tensor)
    let columns = weight.values(Float.self).enumerated().reduce(
      into: [Float](repeating: 0, count: weight.shape[0])
    ) { $0[$1.offset / weight.shape[1]] = max($0[$1.offset / weight.shape[1]], abs($1.element)) }
    let after = reach(try run(result.model.source, value, x))
    for (column, reach) in zip(columns, after) {
      switch alpha {
      // All the difficulty in the inputs, in the weights, or half in each.
      case 0: #expect(abs(column - 1) < 1e-3)
      case 1: #expect(abs(reach - 1) < 1e-3)
      default: #expect(abs(column / reach - 1) < 1e-3)
      }
    }
  }
}

@Test func smoothingRefusesWhatItCannotDo() throws {
  #expect(throws: GraphRewriteError.nothingToSmooth) {
    try GraphSmoothing(sample("mlp-fashion"), calibration: Reaches(reach: [:]), alpha: 0.5)
  }
  #expect(throws: GraphRewriteError.needsCalibration("block1.qkv.weight")) {
    try GraphSmoothing(sample("vit-fashion"), calibration: Reaches(reach: [:]), alpha: 0.5)
  }
}

/// Two layers that read one normalization have one factor a channel, from the larger of their columns.
@Test func readersOfOneNormalizationShareTheirFactors() throws {
  func node(_ type: String, _ inputs: [String], _ output: String) -> ONNXNode {
    ONNXNode(name: output, type: type, inputs: inputs, outputs: [output])
  }
  func model(residual: Bool) -> GraphModel {
    GraphModel(
      ONNXModel(
        path: "net.onnx", byteCount: 0, irVersion: 8, producer: "", opsets: ["": 17],
        graph: ONNXGraph(
          name: "net",
          nodes: [
            node("LayerNormalization", ["x", "g", "b"], "n"), node("MatMul", ["n", "p"], "a"),
            node("MatMul", ["n", "q"], "c"),
          ] + [node("Add", [residual ? "n" : "a", "c"], "y")],
          initializers: [
            ONNXTensor(name: "g", Tensor([2], [Float(1), 2])),
            ONNXTensor(name: "b", Tensor([2], [Float(0), 1])),
            ONNXTensor(name: "p", Tensor([2, 2], [Float(1), -4, 0, 0.5])),
            ONNXTensor(name: "q", Tensor([2, 2], [Float(2), 1, 0, -2])),
          ],
          inputs: [ONNXValue(name: "x", elementType: 1, shape: [.fixed(3), .fixed(2)])],
          outputs: [ONNXValue(name: "y", elementType: 1, shape: nil)])))
  }
  let reaches = Reaches(reach: ["p": [9, 8], "q": [9, 8]])
  let result = try GraphSmoothing(model(residual: false), calibration: reaches, alpha: 0.5)
  // √9 / √4 and √8 / √2.
  func values(_ name: String) throws -> [Float] {
    try #require(result.model.source.graph.initializers.first { $0.name == name }?.tensor)
      .values(Float.self)
  }
  #expect(try values("g") == [1 / 1.5, 1] && values("b") == [0, 0.5])
  #expect(try values("p") == [1.5, -6, 0, 1] && values("q") == [3, 1.5, 0, -4])
  #expect(throws: GraphRewriteError.nothingToSmooth) {
    try GraphSmoothing(model(residual: true), calibration: reaches, alpha: 0.5)
  }
}
