import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseTensor

@testable import ViseGraphs

/// Statistics of one layer's inputs.
private struct Statistics: CalibrationSource {
  let identity = "test"
  let values: [String: SiteCalibration]

  func statistics(of site: Site) -> SiteCalibration? { values[site.name] }
}

private let work = RowWork(pool: nil)

private func random(_ shape: [Int], seed: UInt64) -> Tensor {
  var source = RandomSource(seed: seed)
  return Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit()) - 0.4 })
}

/// A convolution of 4 × 6 × 6 images to 6 channels and a linear layer with the inputs first.
private func network(opset: Int) -> GraphModel {
  func node(
    _ type: String, _ inputs: [String], _ output: String,
    _ attributes: [String: ONNXAttribute] = [:]
  ) -> ONNXNode {
    ONNXNode(name: output, type: type, inputs: inputs, outputs: [output], attributes: attributes)
  }
  return GraphModel(
    ONNXModel(
      path: "net.onnx", byteCount: 0, irVersion: 8, producer: "", opsets: ["": opset],
      graph: ONNXGraph(
        name: "net",
        nodes: [
          node(
            "Conv", ["x", "c"], "a", ["pads": .ints([1, 1, 1, 1]), "strides": .ints([2, 2])]),
          node("Relu", ["a"], "b"), node("GlobalAveragePool", ["b"], "e"),
          node("Flatten", ["e"], "g"), node("MatMul", ["g", "f"], "y"),
        ],
        initializers: [
          ONNXTensor(name: "c", random([6, 4, 3, 3], seed: 1)),
          ONNXTensor(name: "f", random([6, 5], seed: 2)),
        ],
        inputs: [
          ONNXValue(
            name: "x", elementType: 1,
            shape: [.named("n"), .fixed(4), .fixed(6), .fixed(6)])
        ],
        outputs: [ONNXValue(name: "y", elementType: 1, shape: [.named("n"), .fixed(5)])])))
}

private func planned(
  _ treatments: [String: String], opset: Int = 13, _ calibration: Statistics? = nil
) throws -> PlannedGraph {
  var plan = Plan()
  for (site, name) in treatments { plan[site] = try #require(Treatment(name: name)) }
  return try PlannedGraph(
    network(opset: opset), plan: plan, calibration: calibration, work: work)
}

private func value(_ name: String, of model: ONNXModel, on x: Tensor) throws -> Tensor {
  let program = try GraphProgram(model)
  let wanted = try #require(program.value(named: name))
  let made = try program.run([program.inputValues[0]: x], wanted: [wanted], context: context)
  return try #require(made[wanted])
}

/// The statistics a calibration of `site` on `x` gives.
private func statistics(_ site: Int, of model: GraphModel, on x: Tensor) throws -> SiteCalibration {
  let input = try #require(GraphInput(model.sites[site], of: model))
  let rows = try input.rows(of: try value(input.value, of: model.source, on: x))
  let moment = Matrix.zeros(rows: rows.columns, columns: rows.columns)
  var mean = [Float](repeating: 0, count: rows.columns)
  var (low, high) = (mean, mean)
  for row in 0..<rows.rows {
    for i in 0..<rows.columns {
      let value = rows.pointer[row * rows.columns + i]
      mean[i] += value / Float(rows.rows)
      (low[i], high[i]) = (min(low[i], value), max(high[i], value))
      for j in 0..<rows.columns {
        moment.pointer[i * rows.columns + j] +=
          value * rows.pointer[row * rows.columns + j] / Float(rows.rows)
      }
    }
  }
  return SiteCalibration(
    tokenCount: rows.rows, secondMoment: moment, mean: mean, minimum: low, maximum: high)
}

@Test func windowsTimesFiltersAreTheConvolution() throws {
  let (model, x) = (network(opset: 13), random([2, 4, 6, 6], seed: 3))
  let rows = try #require(GraphInput(model.sites[0], of: model)).rows(of: x)
  let filters = try GraphWeights(model).matrix(of: model.sites[0])
  let expected = try value("a", of: model.source, on: x).values(Float.self)
  #expect(rows.rows == 2 * 9 && rows.columns == 36)
  for image in 0..<2 {
    for filter in 0..<6 {
      for place in 0..<9 {
        let row = rows.pointer + (image * 9 + place) * 36
        let sum = (0..<36).reduce(Float(0)) { $0 + row[$1] * filters.pointer[filter * 36 + $1] }
        #expect(abs(sum - expected[(image * 6 + filter) * 9 + place]) < 1e-5)
      }
    }
  }
}

@Test(arguments: ["convolutions", "transformer", "recurrent", "branch-yes"])
func aModelThatIsWrittenAndReadComputesTheSame(name: String) throws {
  let folder = try fixture(name)
  let model = try ONNXReader.open("\(folder)/model.onnx")
  let temporary = FileManager.default.temporaryDirectory
  let path = temporary.appending(path: "\(UUID().uuidString).onnx").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  let count = try ONNXWriter.write(model, to: path)
  #expect(try ONNXWriter.byteCount(of: model) == count)
  let again = try GraphModel(path: path)
  #expect(again.source.byteCount == count)
  #expect(again.source.opsets == model.opsets)
  let comparisons = try ModelCase(folder: folder).compare(
    again.program(), tolerance: ModelCase.Tolerance(relative: 1e-5, absolute: 1e-6),
    context: context)
  #expect(!comparisons.isEmpty && comparisons.allSatisfy(\.matches))
}

@Test(arguments: ["int8:channel", "int8:tensor", "int5:channel", "int4:channel:asym"])
func codesTimesScalesAreNearTheWeights(format: String) throws {
  for (opset, site, count) in [(13, "c", 6), (21, "c", 6), (13, "f", 5), (21, "f", 5)] {
    let planned = try planned([site: format], opset: opset)
    #expect(planned.changed == [site] && planned.notes.isEmpty)
    let codes = try #require(planned.model.graph.initializers.first { $0.name == "\(site)/codes" })
    let isNarrow = format.hasPrefix("int4")
    #expect(codes.type.bitCount == (isNarrow ? 4 : 8))
    let scales = try #require(
      planned.model.graph.initializers.first { $0.name == "\(site)/scales" }?.tensor)
    #expect(scales.count == (format.contains("tensor") ? 1 : count))
    let x = random([1, 4, 6, 6], seed: 4)
    let made = try value(site, of: planned.model, on: x).values(Float.self)
    let original = try value(site, of: network(opset: 13).source, on: x).values(Float.self)
    let coarsest = scales.values(Float.self).max() ?? 0
    // Scales that clip a little leave a few weights further away than half a step.
    let within = zip(made, original).count { abs($0 - $1) <= 0.51 * coarsest }
    #expect(Double(within) >= 0.8 * Double(original.count))
  }
}

@Test func fourBitsRaiseTheOperatorsVersionOnlyWhereAllKeepTheirMeaning() throws {
  #expect(try planned(["c": "int4:channel"]).model.opsets[""] == 21)
  #expect(try planned(["c": "int8:channel"]).model.opsets[""] == 13)
  let old = network(opset: 13).source.graph
  let reducing = ONNXGraph(
    name: "",
    nodes: old.nodes + [
      ONNXNode(name: "r", type: "ReduceMean", inputs: ["y"], outputs: ["z"])
    ], initializers: old.initializers, inputs: old.inputs, outputs: old.outputs)
  #expect(!OpsetRange.allows(reducing, from: 13))
  #expect(OpsetRange.allows(reducing, from: 18))
}

@Test func formatsThatONNXLacksAreStoredAsFloatsAndSaySo() throws {
  let planned = try planned(["c": "kmeans4"])
  #expect(planned.notes.map(\.site) == ["c"])
  #expect(planned.model.graph.initializers.map(\.name) == ["c", "f"])
}

@Test func aLayerReadsItsInputThroughCodesOfTheCalibratedRange() throws {
  let (model, x) = (network(opset: 13), random([3, 4, 6, 6], seed: 5))
  let calibration = Statistics(values: ["c": try statistics(0, of: model, on: x)])
  for bits in [8, 3] {
    let planned = try planned(["c": "inputs=int\(bits)"], calibration)
    let made = try value("x/dequantized", of: planned.model, on: x).values(Float.self)
    let input = x.values(Float.self)
    let high = Float((1 << bits) - 1)
    let (low, top) = (min(0, input.min() ?? 0), max(0, input.max() ?? 0))
    let step = (top - low) / high
    let zero = (-low / step).rounded()
    for (made, input) in zip(made, input) {
      let code = max(0, min(high, (input / step).rounded(.toNearestOrEven) + zero))
      #expect(abs(made - (code - zero) * step) < 1e-5)
    }
    #expect(planned.model.graph.nodes.first { $0.type == "Conv" }?.inputs[0] == "x/dequantized")
  }
  #expect(throws: CompressionError.self) { try planned(["c": "inputs=int8"], opset: 13) }
  let dynamic = try planned(["c": "inputs=int8:dynamic"])
  #expect(dynamic.model.graph.nodes.contains { $0.type == "DynamicQuantizeLinear" })
}

@Test func correctedBiasesKeepTheMeanOutput() throws {
  let (model, x) = (network(opset: 13), random([40, 4, 6, 6], seed: 6))
  let calibration = Statistics(values: ["c": try statistics(0, of: model, on: x)])
  func mean(_ model: ONNXModel) throws -> [Float] {
    let a = try value("a", of: model, on: x).values(Float.self)
    return (0..<6).map { filter in
      (0..<40).reduce(Float(0)) { sum, image in
        sum + a[((image * 6 + filter) * 9)..<((image * 6 + filter) * 9 + 9)].reduce(0, +)
      } / 360
    }
  }
  let exact = try mean(model.source)
  let plain = try mean(planned(["c": "int2:channel"]).model)
  let corrected = try mean(
    planned(["c": "format=int2:channel method=rtn bias=correct"], calibration).model)
  for (corrected, exact) in zip(corrected, exact) { #expect(abs(corrected - exact) < 1e-4) }
  #expect(zip(plain, exact).contains { abs($0 - $1) > 1e-3 })
}

@Test(arguments: ["c", "f"])
func factorsAreTwoOperationsThatMakeTheProduct(site: String) throws {
  let x = random([2, 4, 6, 6], seed: 7)
  let planned = try planned([site: "rank=3"])
  let type = site == "c" ? "Conv" : "MatMul"
  #expect(planned.model.graph.nodes.count { $0.type == type } == 2)
  #expect(!planned.model.graph.initializers.contains { $0.name == site })
  let model = network(opset: 13)
  let weights = GraphWeights(model)
  let found = try #require(model.sites.first { $0.site.name == site })
  let product = try weights.compressed(
    weights.matrix(of: found), of: found, under: try #require(Treatment(name: "rank=3")),
    calibration: nil, work: work
  ).values(work: work)
  let dense = try weights.tensor(of: found, product)
  let program = try GraphProgram(model.source, weights: [site])
  let output = program.outputs[0]
  let expected = try program.run(
    [program.inputValues[0]: x, try #require(program.value(named: site)): dense],
    wanted: [output], context: context)
  let made = try value("y", of: planned.model, on: x).values(Float.self)
  for (a, b) in zip(made, try #require(expected[output]).values(Float.self)) {
    #expect(abs(a - b) < 1e-4)
  }
}

@Test func weightsWithoutAFormatKeepTheFloatsOfTheFile() throws {
  let model = network(opset: 13)
  let original = try #require(model.source.graph.initializers.first?.tensor).values(Float.self)
  let pruned = try planned(["c": "prune=0.5"])
  let kept = try #require(pruned.model.graph.initializers.first?.tensor).values(Float.self)
  #expect(kept.count { $0 == 0 } == 108)
  #expect(zip(kept, original).allSatisfy { $0 == 0 || $0 == $1 })
  let treatment = try #require(Treatment(name: "prune=0.5"))
  #expect(treatment.byteCount(for: model.sites[0].site) == model.sites[0].byteCount)
}

/// What the best product of a rank leaves of a weight is orthogonal to its factors.
@Test func factorsWithoutAFormatAreTheBestProductToFloatPrecision() throws {
  let planned = try planned(["c": "rank=5"])
  func values(_ name: String) throws -> [Float] {
    let tensor = planned.model.graph.initializers.first { $0.name == name }?.tensor
    return try #require(tensor).values(Float.self)
  }
  let (left, right) = (try values("c/left"), try values("c/right"))
  let original = random([6, 4, 3, 3], seed: 1).values(Float.self)
  let rest = original.indices.map { index in
    (0..<5).reduce(original[index]) {
      $0 - left[index / 36 * 5 + $1] * right[$1 * 36 + index % 36]
    }
  }
  #expect(rest.contains { abs($0) > 0.01 })
  for factor in 0..<5 {
    for column in 0..<36 {
      let sum = (0..<6).reduce(Float(0)) { $0 + left[$1 * 5 + factor] * rest[$1 * 36 + column] }
      #expect(abs(sum) < 1e-5)
    }
  }
}
