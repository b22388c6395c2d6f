import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseTensor

@testable import ViseGraphs

let context = GraphContext(pool: nil, memory: nil, byteLimit: 1 << 26)

func fixture(_ name: String) throws -> String {
  try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil)).path
}

/// Models of Tests/Peers/make_onnx_fixtures.py, with what ONNX Runtime 1.32.0 makes of them.
@Test(arguments: [
  "convolutions", "recurrent", "transformer", "quantized", "branch-yes", "branch-no",
])
func modelsComputeWhatONNXRuntimeDoes(name: String) throws {
  let folder = try fixture(name)
  let program = try GraphModel(path: "\(folder)/model.onnx").program()
  let modelCase = try ModelCase(folder: folder)
  let comparisons = try modelCase.compare(
    program, tolerance: ModelCase.Tolerance(relative: 1e-5, absolute: 1e-6), context: context)
  #expect(comparisons.count == modelCase.outputs.count && !comparisons.isEmpty)
  for comparison in comparisons {
    #expect(comparison.matches, "\(comparison)")
  }
}

@Test func aRunFromACutMakesWhatAWholeRunMakes() throws {
  let folder = try fixture("convolutions")
  let program = try GraphModel(path: "\(folder)/model.onnx").program()
  let modelCase = try ModelCase(folder: folder)
  let (cut, end) = (
    try #require(program.value(named: "a")), try #require(program.value(named: "y"))
  )
  let whole = try program.run(
    [try #require(program.value(named: "x")): modelCase.inputs[0]], wanted: [cut, end],
    context: context)
  let cached = try #require(whole[cut])
  let rest = try program.run([cut: cached], wanted: [end], context: context)
  #expect(rest[end]?.values(Float.self) == whole[end]?.values(Float.self))
}

@Test func aWeightGivenToARunTakesThePlaceOfTheFiles() throws {
  let folder = try fixture("convolutions")
  let model = try GraphModel(path: "\(folder)/model.onnx")
  let program = try model.program()
  let modelCase = try ModelCase(folder: folder)
  let (x, weight, y) = (
    try #require(program.value(named: "x")), try #require(program.value(named: "w5")),
    try #require(program.value(named: "y"))
  )
  let zero = Tensor([5, 3], [Float](repeating: 0, count: 15))
  let result = try program.run(
    [x: modelCase.inputs[0], weight: zero], wanted: [y], context: context)
  let bias = try #require(model.source.graph.initializers.first { $0.name == "b5" }?.tensor)
  #expect(result[y]?.values(Float.self) == bias.values(Float.self) + bias.values(Float.self))
}

@Test func sitesHaveTheRolesOfTheirOperations() throws {
  let sites = try GraphModel(path: "\(fixture("convolutions"))/model.onnx").sites
  #expect(sites.map(\.site.name) == ["w1", "w2", "w3", "w4", "w5"])
  #expect(
    sites.map(\.site.role) == [
      .convolution, .depthwiseConvolution, .convolution, .transposedConvolution, .linear,
    ])
  #expect(sites[0].site.rows == 4 && sites[0].site.columns == 27)
  let recurrent = try GraphModel(path: "\(fixture("recurrent"))/model.onnx").sites
  #expect(
    recurrent.map(\.site.role) == [
      .recurrentInput, .recurrentState, .recurrentInput, .recurrentState, .linear,
    ])
  let head = try #require(recurrent.last)
  #expect(head.isTransposed && head.site.rows == 7 && head.site.columns == 4)
  let transformer = try GraphModel(path: "\(fixture("transformer"))/model.onnx").sites
  #expect(transformer.first?.site.role == .embedding)
}

@Test func atLeastNinetyOperatorsRun() {
  #expect(OperatorRegistry.names.count >= 90, "\(OperatorRegistry.names)")
}

@Test func aCancelledRunEnds() throws {
  let folder = try fixture("convolutions")
  let program = try GraphModel(path: "\(folder)/model.onnx").program()
  let flag = CancellationFlag()
  flag.cancel()
  let cancelled = GraphContext(pool: nil, memory: nil, byteLimit: 1 << 26, cancellation: flag)
  #expect(throws: CancelledError.self) {
    try program.run(["x": ModelCase(folder: folder).inputs[0]], context: cancelled)
  }
}
