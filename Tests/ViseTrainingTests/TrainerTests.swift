import Foundation
import Testing
import ViseCompression
import ViseFormats
import ViseGraphs
import ViseTensor
import ViseTraining

/// Images of 1 × 8 × 8 noise with a bright line, upright or level.
private struct Lines: TrainingExamples {
  let count = 96

  func label(of index: Int) -> Int { index % 2 }

  func batch(of indices: [Int]) -> Tensor {
    let result = Tensor(.float32, [indices.count, 1, 8, 8])
    for (place, index) in indices.enumerated() {
      var random = RandomSource(seed: UInt64(index))
      let line = Int(random.next() % 8)
      for pixel in 0..<64 {
        let isLine = (index % 2 == 0 ? pixel % 8 : pixel / 8) == line
        result.pointer(Float.self)[place * 64 + pixel] =
          Float(random.nextUnit()) * 0.5 + (isLine ? 1 : 0)
      }
    }
    return result
  }
}

private func weights(_ shape: [Int], seed: UInt64) -> Tensor {
  var source = RandomSource(seed: seed)
  let fan = Float(max(1, shape.dropFirst().reduce(1, *)))
  return Tensor(
    shape,
    (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit() * 2 - 1) * (3 / fan).squareRoot() })
}

/// Two convolutions with a sum around the second, and a linear layer.
private func network() -> GraphModel {
  func node(
    _ type: String, _ inputs: [String], _ output: String,
    _ attributes: [String: ONNXAttribute] = [:]
  ) -> ONNXNode {
    ONNXNode(name: output, type: type, inputs: inputs, outputs: [output], attributes: attributes)
  }
  let padded: [String: ONNXAttribute] = ["pads": .ints([1, 1, 1, 1])]
  return GraphModel(
    ONNXModel(
      path: "net.onnx", byteCount: 0, irVersion: 8, producer: "", opsets: ["": 17],
      graph: ONNXGraph(
        name: "net",
        nodes: [
          node("Conv", ["x", "stem", "stem.b"], "a", padded), node("Relu", ["a"], "b"),
          node("Conv", ["b", "c1", "c1.b"], "c", padded), node("Relu", ["c"], "d"),
          node("Conv", ["d", "c2"], "e", padded), node("Add", ["e", "b"], "f"),
          node("Relu", ["f"], "g"), node("GlobalMaxPool", ["g"], "h"),
          node("Flatten", ["h"], "i"),
          node("Gemm", ["i", "head", "head.b"], "y", ["transB": .int(1)]),
        ],
        initializers: [
          ONNXTensor(name: "stem", weights([4, 1, 3, 3], seed: 1)),
          ONNXTensor(name: "stem.b", weights([4], seed: 2)),
          ONNXTensor(name: "c1", weights([8, 4, 3, 3], seed: 3)),
          ONNXTensor(name: "c1.b", weights([8], seed: 4)),
          ONNXTensor(name: "c2", weights([4, 8, 3, 3], seed: 5)),
          ONNXTensor(name: "head", weights([2, 4], seed: 6)),
          ONNXTensor(name: "head.b", weights([2], seed: 7)),
        ],
        inputs: [
          ONNXValue(
            name: "x", elementType: 1,
            shape: [.named("n"), .fixed(1), .fixed(8), .fixed(8)])
        ],
        outputs: [ONNXValue(name: "y", elementType: 1, shape: [.named("n"), .fixed(2)])])))
}

private struct Setup {
  let model = network()
  let graph: TrainableGraph
  var options = TrainingOptions()

  init(_ treatments: [String: String] = [:]) throws {
    var plan = Plan()
    for (site, name) in treatments { plan[site] = try #require(Treatment(name: name)) }
    let planned = try PlannedGraph(model, plan: plan, work: RowWork(pool: nil))
    graph = try TrainableGraph(planned, of: model, plan: plan)
    options.epochs = 6
    options.batchLength = 24
    options.partLength = 8
    options.rate = 0.05
    options.loss = DistillationLoss(teacherWeight: 0)
  }

  func trainer(normalizes: Bool = true, threads: Int = 2) throws -> Trainer {
    try Trainer(
      graph, reference: model.source, examples: Lines(), options: options,
      normalizes: normalizes, pool: ComputePool(threadCount: threads), byteLimit: 1 << 28)
  }
}

private func constant(_ name: String, of model: ONNXModel) throws -> Tensor {
  try #require(model.graph.initializers.first { $0.name == name }?.tensor)
}

private func floats(_ model: ONNXModel) -> [String: [Float]] {
  Dictionary(
    uniqueKeysWithValues: model.graph.initializers.compactMap { tensor in
      tensor.type == .float32
        ? tensor.tensor.map { (tensor.name, $0.values(Float.self)) } : nil
    })
}

/// The share of the examples whose class `model` names.
private func accuracy(_ model: ONNXModel) throws -> Double {
  let program = try GraphProgram(model)
  let (examples, context) = (
    Lines(), GraphContext(pool: nil, memory: nil, byteLimit: 1 << 28)
  )
  let logits = try program.run(
    ["x": examples.batch(of: Array(0..<examples.count))], context: context)[0].values(Float.self)
  let hits = (0..<examples.count).count { index in
    (logits[2 * index + 1] > logits[2 * index] ? 1 : 0) == examples.label(of: index)
  }
  return Double(hits) / Double(examples.count)
}

@Test(arguments: [true, false])
func trainingLearnsAndLeavesTheOperationsAsTheyWere(normalizes: Bool) throws {
  let setup = try Setup()
  let result = try setup.trainer(normalizes: normalizes).run(cancellation: CancellationFlag())
  let (first, last) = (try #require(result.epochs.first), try #require(result.epochs.last))
  #expect(result.epochs.count == 6 && result.stepCount == 24)
  #expect(last.loss < 0.5 * first.loss)
  #expect(try accuracy(result.model) > 0.9)
  #expect(result.model.graph.nodes.map(\.type) == setup.model.source.graph.nodes.map(\.type))
}

@Test func insertedNormalizationsChangeNothingBeforeTraining() throws {
  var setup = try Setup()
  setup.options.rate = 1e-12
  setup.options.decay = 0
  setup.options.epochs = 1
  let model = try setup.trainer().run(cancellation: CancellationFlag()).model
  let (program, old) = (try GraphProgram(model), try GraphProgram(setup.model.source))
  let context = GraphContext(pool: nil, memory: nil, byteLimit: 1 << 28)
  let x = ["x": Lines().batch(of: Array(0..<96))]
  let (a, b) = (try program.run(x, context: context)[0], try old.run(x, context: context)[0])
  // The statistics have moved towards those of the parts of batches.
  for (a, b) in zip(a.values(Float.self), b.values(Float.self)) { #expect(abs(a - b) < 0.15) }
}

@Test func channelsThatAreGoneStayGone() throws {
  let setup = try Setup(["c2": "prune=0.5 pattern=channels"])
  let result = try setup.trainer().run(cancellation: CancellationFlag())
  #expect(try constant("c1", of: result.model).shape == [4, 4, 3, 3])
  #expect(try constant("c2", of: result.model).shape == [4, 4, 3, 3])
  #expect(try accuracy(result.model) > 0.9)
}

@Test func prunedWeightsStayZeroAndOthersMove() throws {
  let setup = try Setup(["c1": "prune=0.5"])
  let before = try constant("c1", of: setup.graph.model).values(Float.self)
  let result = try setup.trainer(normalizes: false).run(cancellation: CancellationFlag())
  let after = try constant("c1", of: result.model).values(Float.self)
  #expect(before.count { $0 == 0 } == before.count / 2)
  for (before, after) in zip(before, after) { #expect((before == 0) == (after == 0)) }
  #expect(zip(before, after).contains { abs($0 - $1) > 1e-3 })
}

@Test(arguments: ["int8:channel", "int4:channel", "int5:channel:asym"])
func codesAreTrainedThroughTheirRounding(format: String) throws {
  let setup = try Setup(["c1": format, "c2": format])
  let before = try constant("c1/codes", of: setup.graph.model)
  let result = try setup.trainer().run(cancellation: CancellationFlag())
  let after = try constant("c1/codes", of: result.model)
  #expect(before.type == after.type && before.shape == after.shape)
  #expect(
    try constant("c1/scales", of: setup.graph.model).values(Float.self)
      == constant("c1/scales", of: result.model).values(Float.self))
  func codes(_ x: Tensor) -> [Int] {
    (0..<x.count).map { index in
      [.int8, .int4].contains(x.type)
        ? Int(x.pointer(Int8.self)[index]) : Int(x.pointer(UInt8.self)[index])
    }
  }
  #expect(codes(before) != codes(after))
  let range = format.hasPrefix("int8") ? -128...127 : format.hasPrefix("int4") ? -8...7 : 0...31
  #expect(codes(after).allSatisfy(range.contains))
  #expect(try accuracy(result.model) > 0.9)
}

@Test func layersInFormatsWithoutCodesKeepThePlansValues() throws {
  let setup = try Setup(["c1": "kmeans4"])
  #expect(setup.graph.frozen == ["c1"])
  let result = try setup.trainer(normalizes: false).run(cancellation: CancellationFlag())
  #expect(
    try constant("c1", of: result.model).values(Float.self)
      == constant("c1", of: setup.graph.model).values(Float.self))
}

@Test func factorsAreTrainedAsTwoLayers() throws {
  let setup = try Setup(["c2": "rank=2"])
  let result = try setup.trainer().run(cancellation: CancellationFlag())
  #expect(try constant("c2/right", of: result.model).shape == [2, 8, 3, 3])
  #expect(try accuracy(result.model) > 0.9)
}

@Test func aTeacherStandsInForLabels() throws {
  var setup = try Setup(["c2": "prune=0.5 pattern=channels"])
  setup.options.loss = DistillationLoss(teacherWeight: 1, temperature: 2)
  let result = try setup.trainer().run(cancellation: CancellationFlag())
  #expect(result.epochs[5].loss < 0.5 * result.epochs[0].loss)
}

@Test func theNumberOfThreadsChangesNothing() throws {
  let setup = try Setup(["c2": "prune=0.5 pattern=channels"])
  let one = try setup.trainer(threads: 1).run(cancellation: CancellationFlag())
  let three = try setup.trainer(threads: 3).run(cancellation: CancellationFlag())
  #expect(floats(one.model) == floats(three.model))
}

@Test(arguments: [1, 4, 13])
func aRunThatWasStoppedGoesOnAsIfItHadNotBeen(step: Int) throws {
  let setup = try Setup(["c1": "int8:channel"])
  let whole = try setup.trainer().run(cancellation: CancellationFlag())
  let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
  defer { try? FileManager.default.removeItem(atPath: path) }
  let flag = CancellationFlag()
  #expect(throws: CancelledError.self) {
    try setup.trainer().run(checkpoint: path, identity: "i", cancellation: flag) { progress in
      if progress.step == step { flag.cancel() }
    }
  }
  #expect(throws: TrainingError.otherRun(path: path)) {
    try setup.trainer().run(checkpoint: path, identity: "j", cancellation: CancellationFlag())
  }
  let rest = try setup.trainer().run(
    checkpoint: path, identity: "i", cancellation: CancellationFlag())
  #expect(rest.resumedStepCount == step)
  #expect(rest.epochs == whole.epochs)
  #expect(floats(rest.model) == floats(whole.model))
}

@Test func aDamagedCheckpointIsRefused() throws {
  let setup = try Setup()
  let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
  defer { try? FileManager.default.removeItem(atPath: path) }
  try Data("no checkpoint".utf8).write(to: URL(filePath: path))
  #expect(throws: TrainingError.damagedCheckpoint(path: path)) {
    try setup.trainer().run(checkpoint: path, identity: "i", cancellation: CancellationFlag())
  }
}

@Test func anInfiniteLossEndsTheRun() throws {
  var setup = try Setup()
  setup.options.rate = 1e30
  setup.options.gradientLimit = .infinity
  let trainer = try setup.trainer(normalizes: false)
  #expect(throws: TrainingError.self) { try trainer.run(cancellation: CancellationFlag()) }
}
