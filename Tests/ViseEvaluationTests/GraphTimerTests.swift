import Testing
import ViseCompression
import ViseEstimates
import ViseFormats
import ViseGraphs
import ViseTensor

@testable import ViseEvaluation

/// Of samples of one distribution, the interval has its median in at least the share it claims.
@Test(arguments: [7, 12, 41])
func intervalsOfMediansHaveTheMedian(count: Int) {
  var random = RandomSource(seed: 31)
  let trials = 4000
  var inside = 0
  for _ in 0..<trials {
    // Skewed as times are: most near 1, some far above.
    let sample = (0..<count).map { _ in 1 / (1.0001 - random.nextUnit()) }.sorted()
    let interval = GraphTimer.interval(ofMedian: sample)
    if interval.lower <= 2 / 1.0002 && 2 / 1.0002 <= interval.upper { inside += 1 }
    #expect(interval.lower <= sample[count / 2] && sample[count / 2] <= interval.upper)
  }
  let share = Double(inside) / Double(trials)
  #expect(share >= 0.9 - 0.015 && (count == 7 || share < 0.975), "\(share), seed 31")
}

/// Plans over the options keep their prior: formats cost nothing, channels and ranks save.
@Test func optionsOfTheStudyAreTimedAndPredicted() throws {
  var random = RandomSource(seed: 32)
  func weight(_ name: String, _ shape: [Int]) -> ONNXTensor {
    ONNXTensor(
      name: name,
      Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(random.nextUnit()) - 0.5 }))
  }
  let pads: [String: ONNXAttribute] = ["pads": .ints([1, 1, 1, 1])]
  let model = GraphModel(
    ONNXModel(
      path: "net.onnx", byteCount: 0, irVersion: 8, producer: "", opsets: ["": 17],
      graph: ONNXGraph(
        name: "net",
        nodes: [
          ONNXNode(name: "a", type: "Conv", inputs: ["x", "c1"], outputs: ["a"], attributes: pads),
          ONNXNode(name: "b", type: "Conv", inputs: ["a", "c2"], outputs: ["b"], attributes: pads),
        ], initializers: [weight("c1", [32, 4, 3, 3]), weight("c2", [8, 32, 3, 3])],
        inputs: [ONNXValue(name: "x", elementType: 1, shape: nil)],
        outputs: [ONNXValue(name: "b", elementType: 1, shape: nil)])))
  let study = try GraphLatencyStudy(
    model: model, image: Tensor([1, 4, 6, 6], [Float](repeating: 1, count: 144)),
    pool: ComputePool(threadCount: 1), byteLimit: 1 << 26, cancellation: CancellationFlag())
  let names = study.options.map { $0.map(\.name) }
  #expect(names[0].contains("int8:channel") && !names[0].contains { $0.contains("channels") })
  #expect(names[1].contains { $0.contains("channels") })
  for treatment in study.options[1] {
    let rows = try study.run([Plan(only: "c2", treatment: treatment)]) { _, _ in }
    // None where something disturbed the machine.
    for row in rows {
      // 24 of 32 channels fill as many vectors as 32 do.
      let saves = treatment.name.contains("0.5") || treatment.name.contains("0.75")
      #expect(saves ? row.predicted < 1 : row.predicted == 1)
      #expect(row.measured > 0 && row.treatedSites == 1)
    }
  }
}
