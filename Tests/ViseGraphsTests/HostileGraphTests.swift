import Foundation
import Testing
import ViseFormats
import ViseTensor

@testable import ViseGraphs

private let names = ["convolutions", "recurrent", "transformer", "quantized", "branch-yes"]

/// Damages bytes in one of four ways, once or a few times.
private func mutate(_ bytes: inout [UInt8], _ random: inout RandomSource) {
  for _ in 0..<Int.random(in: 1...3, using: &random) {
    let place = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[place] = [0, 1, 2, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
    case 2: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
    case 3: bytes.removeLast(Int.random(in: 0..<min(200, bytes.count - 32), using: &random))
    default:
      let length = Int.random(in: 1...24, using: &random)
      guard place + length <= bytes.count else { continue }
      let from = Int.random(in: 0...bytes.count - length, using: &random)
      bytes.replaceSubrange(place..<place + length, with: Array(bytes[from..<from + length]))
    }
  }
}

/// Opens, lists and runs the model in a file; throws what any of that throws.
private func use(_ path: String, inputs: [Tensor]) throws {
  let model = try GraphModel(path: path)
  _ = (model.sites.count, model.unsupportedOperators, model.parameterCount, model.operatorCounts)
  let program = try model.program()
  let given = Dictionary(
    zip(program.inputs.map(\.name), inputs).map { ($0, $1) },
    uniquingKeysWith: { first, _ in first })
  _ = try program.run(
    given, context: GraphContext(pool: nil, memory: nil, byteLimit: 1 << 22))
}

@Test func damagedModelsGiveTypedErrorsOnly() throws {
  let folder = FileManager.default.temporaryDirectory.appending(path: "vise-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let path = folder.appending(path: "m.onnx").path
  let models = try names.map { name in
    (
      bytes: [UInt8](try Data(contentsOf: URL(filePath: "\(fixture(name))/model.onnx"))),
      inputs: try ModelCase(folder: fixture(name)).inputs
    )
  }
  var random = RandomSource(seed: 11)
  var refused = 0
  for round in 0..<5_000 {
    let model = models[round % models.count]
    var bytes = model.bytes
    mutate(&bytes, &random)
    try Data(bytes).write(to: URL(filePath: path))
    do {
      try use(path, inputs: model.inputs)
    } catch is ONNXError {
      refused += 1
    } catch is GraphError {
      refused += 1
    } catch {
      Issue.record("round \(round) of seed 11: \(error)")
    }
  }
  // Damage to weights alone leaves a model that runs.
  #expect(refused > 1_000 && refused < 5_000)
}

private func node(
  _ type: String, _ inputs: [String], _ output: String, _ attributes: [String: ONNXAttribute] = [:]
) -> ONNXNode {
  ONNXNode(name: output, type: type, inputs: inputs, outputs: [output], attributes: attributes)
}

private func model(_ nodes: [ONNXNode], initializers: [ONNXTensor] = []) -> ONNXModel {
  ONNXModel(
    path: "m", byteCount: 0, irVersion: 8, producer: "", opsets: ["": 17],
    graph: ONNXGraph(
      name: "g", nodes: nodes, initializers: initializers, inputs: [],
      outputs: [ONNXValue(name: "y", elementType: 1, shape: nil)]))
}

@Test func nodesThatWaitForEachOtherAreRefused() {
  let cycle = model([node("Relu", ["b"], "a"), node("Relu", ["a"], "b"), node("Relu", ["a"], "y")])
  #expect(throws: GraphError.self) { try GraphProgram(cycle) }
}

@Test func aValueThatNothingMakesIsNamed() {
  #expect(throws: GraphError.undefinedValue("nowhere", node: "y")) {
    try GraphProgram(model([node("Relu", ["nowhere"], "y")]))
  }
}

@Test func operatorsThatAreNotKnownAreAllNamed() {
  let odd = model([node("Bizarre", [], "a"), node("Odd", ["a"], "y")])
  #expect(throws: GraphError.unsupportedOperators(["Bizarre", "Odd"])) { try GraphProgram(odd) }
  #expect(GraphModel(odd).unsupportedOperators == ["Bizarre", "Odd"])
}

@Test func anEnormousResultIsRefusedBeforeItIsMade() throws {
  let shape = ONNXTensor(name: "shape", Tensor([3], [Int64(1 << 20), 1 << 20, 1 << 10]))
  let program = try GraphProgram(
    model([node("ConstantOfShape", ["shape"], "y")], initializers: [shape]))
  #expect(
    throws: GraphError.operation(
      node: "y", type: "ConstantOfShape", .tooLarge(bytes: 1 << 52, limit: 1 << 26))
  ) { try program.run([:], context: context) }
}
