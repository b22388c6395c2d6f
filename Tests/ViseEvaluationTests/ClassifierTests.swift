import Glibc
import Testing
import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseTensor

private func random(_ shape: [Int], _ source: inout RandomSource) -> Tensor {
  Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit()) - 0.5 })
}

/// Two convolutions and a linear layer with random weights; images of 3 × 8 × 8, 5 classes.
private func network() -> GraphModel {
  var source = RandomSource(seed: 21)
  let weights = [("c1", [8, 3, 3, 3]), ("c2", [8, 8, 3, 3]), ("f", [5, 8])].map {
    ONNXTensor(name: $0.0, random($0.1, &source))
  }
  func node(
    _ type: String, _ inputs: [String], _ output: String,
    _ attributes: [String: ONNXAttribute] = [:]
  ) -> ONNXNode {
    ONNXNode(name: output, type: type, inputs: inputs, outputs: [output], attributes: attributes)
  }
  let pads: [String: ONNXAttribute] = ["pads": .ints([1, 1, 1, 1])]
  return GraphModel(
    ONNXModel(
      path: "net.onnx", byteCount: 0, irVersion: 8, producer: "", opsets: ["": 17],
      graph: ONNXGraph(
        name: "net",
        nodes: [
          node("Conv", ["x", "c1"], "a", pads), node("Relu", ["a"], "b"),
          node("Conv", ["b", "c2"], "c", pads), node("Relu", ["c"], "d"),
          node("GlobalAveragePool", ["d"], "e"), node("Flatten", ["e"], "g"),
          node("Gemm", ["g", "f"], "y", ["transB": .int(1)]),
        ],
        initializers: weights,
        inputs: [
          ONNXValue(
            name: "x", elementType: 1,
            shape: [.named("n"), .fixed(3), .fixed(8), .fixed(8)])
        ],
        outputs: [ONNXValue(name: "y", elementType: 1, shape: nil)])))
}

private func images(_ count: Int, channelsLast: Bool = false) throws -> LabelledImages {
  var source = RandomSource(seed: 22)
  let shape = channelsLast ? [count, 8, 8, 3] : [count, 3, 8, 8]
  let labels = Tensor([count], (0..<count).map { Int64($0 % 5) })
  return try LabelledImages(images: random(shape, &source), labels: labels, channels: 3)
}

private func evaluator(_ model: GraphModel, _ images: LabelledImages) throws -> ClassifierEvaluator
{
  try ClassifierEvaluator(
    model: model, images: images, pool: ComputePool(threadCount: 2), byteLimit: 1 << 26)
}

private func plan(_ treatments: [String: String]) throws -> Plan {
  var plan = Plan()
  for (site, name) in treatments { plan[site] = try #require(Treatment(name: name)) }
  return plan
}

private func measure(
  _ plan: Plan, of model: GraphModel, on images: LabelledImages
) throws -> ClassifierScores {
  let evaluator = try evaluator(model, images)
  let planned = try evaluator.planned(plan, calibration: nil, cancellation: CancellationFlag())
  return try evaluator.measure(planned, cancellation: CancellationFlag())
}

@Test func aPlanThatKeepsEverythingDiffersInNothing() throws {
  let scores = try measure(Plan(), of: network(), on: images(23))
  #expect(scores.count == 23)
  #expect(scores.reference == scores.planned)
  #expect(scores.divergences.allSatisfy { $0 == 0 })
  #expect(scores.gained == 0 && scores.lost == 0)
}

@Test(arguments: [
  ["f": "int8:channel"], ["c2": "int2:channel"], ["c1": "int3:channel", "f": "int4:channel"],
])
func aPlanRunFromACutIsThePlanRunWhole(treatments: [String: String]) throws {
  let (model, images) = (network(), try images(9))
  let plan = try plan(treatments)
  let scores = try measure(plan, of: model, on: images)
  let planned = try PlannedGraph(model, plan: plan, work: RowWork(pool: nil))
  let program = try GraphProgram(planned.model)
  let context = GraphContext(pool: nil, memory: nil, byteLimit: 1 << 26)
  let whole = try program.run(
    [program.inputValues[0]: images.batch(0..<9)], wanted: program.outputs, context: context)
  let logits = try #require(whole[program.outputs[0]]).values(Float.self)
  let classes = (0..<9).map { row in
    (0..<5).max { logits[row * 5 + $0] < logits[row * 5 + $1] } ?? 0
  }
  #expect(scores.planned == classes)
}

@Test func cutsLieBeforeTheFirstChangedLayer() throws {
  let program = try network().program()
  func value(_ name: String) throws -> Int { try #require(program.value(named: name)) }
  #expect(program.lastCut(before: [try value("f")]) == (try value("g")))
  #expect(program.lastCut(before: [try value("c2")]) == (try value("b")))
  #expect(program.lastCut(before: [try value("c1")]) == nil)
}

@Test func imagesWithChannelsLastAreTurned() throws {
  let turned = try images(2, channelsLast: true).batch(0..<2)
  #expect(turned.shape == [2, 3, 8, 8])
  var source = RandomSource(seed: 22)
  let given = random([2, 8, 8, 3], &source).values(Float.self)
  let values = turned.values(Float.self)
  for (image, channel, pixel) in [(0, 0, 0), (0, 2, 5), (1, 1, 63)] {
    #expect(
      values[(image * 3 + channel) * 64 + pixel] == given[(image * 64 + pixel) * 3 + channel])
  }
}

@Test func labelsOutsideTheClassesAreRefused() throws {
  var source = RandomSource(seed: 1)
  let images = try LabelledImages(
    images: random([1, 3, 8, 8], &source), labels: Tensor([1], [Int64(7)]), channels: 3)
  #expect(throws: ImageSetError.labelOutOfRange(7, classes: 5)) {
    try measure(Plan(), of: network(), on: images)
  }
}

/// 90 % intervals of a paired difference, over seeded draws of images that change with given odds.
@Test(arguments: [(0.02, 0.03), (0.001, 0.004), (0.1, 0.05)])
func pairedIntervalsCover(gainOdds: Double, lossOdds: Double) throws {
  var source = RandomSource(seed: 31)
  var covered = 0
  let (draws, count) = (1000, 400)
  for _ in 0..<draws {
    var (gained, lost) = (0, 0)
    for _ in 0..<count {
      let draw = source.nextUnit()
      if draw < gainOdds { gained += 1 } else if draw < gainOdds + lossOdds { lost += 1 }
    }
    let interval = try #require(
      Proportions.pairedDifference(gained: gained, lost: lost, of: count).interval)
    if (interval.lower...interval.upper).contains(gainOdds - lossOdds) { covered += 1 }
  }
  #expect(Double(covered) / Double(draws) > 0.87, "\(covered) of \(draws), seed 31")
}

@Test func onePlanOfOneSiteIsPredictedExactlyOnTheProbe() throws {
  let (model, images) = (network(), try images(20))
  let predictor = try ClassifierPredictor(
    evaluator: evaluator(model, images), calibration: nil, cancellation: CancellationFlag())
  for treatments in [["c1": "int2:channel"], ["f": "int3:channel"]] {
    let prediction = try predictor.predict(plan(treatments))
    let scores = try measure(plan(treatments), of: model, on: images)
    let difference = abs(prediction.superposed - scores.divergence.mean)
    #expect(difference < 1e-4 * scores.divergence.mean && prediction.hits == scores.plannedHits)
    #expect(abs(prediction.superposed - prediction.sum) < 1e-4 * prediction.sum)
  }
  let nothing = try predictor.predict(Plan())
  #expect(nothing.divergence == 0 && nothing.top1Drop == 0)
}

@Test func plansOfSeveralSitesAddUpWhereChangesAreSmall() throws {
  let (model, images) = (network(), try images(40))
  let predictor = try ClassifierPredictor(
    evaluator: evaluator(model, images), calibration: nil, cancellation: CancellationFlag())
  let plan = try plan(["c1": "int6:channel", "c2": "int6:channel", "f": "int6:channel"])
  let (prediction, scores) = (try predictor.predict(plan), try measure(plan, of: model, on: images))
  let ratio = prediction.superposed / scores.divergence.mean
  #expect(ratio > 0.8 && ratio < 1.25)
}

/// Drops drawn from the curve with binomial noise fall into the intervals as often as these say.
@Test func intervalsOfDropsCover() throws {
  var source = RandomSource(seed: 41)
  let images = 500
  func draw() -> DropCalibration.Trial {
    let divergence = exp(source.nextUnit() * 6 - 4)
    let share = 0.8 * (1 - exp(-divergence))
    let wrong = (0..<images).count { _ in source.nextUnit() < share }
    return DropCalibration.Trial(
      DropCalibration.Outlook(divergence: divergence, probeDrop: 0),
      drop: Double(wrong) / Double(images))
  }
  var (inside, count) = (0, 0)
  for _ in 0..<12 {
    let calibration = DropCalibration(
      (0..<15).map { _ in draw() }, ceiling: 0.8, images: images, probeImages: 0)
    for _ in 0..<50 {
      let trial = draw()
      let interval = try #require(calibration.estimate(trial.outlook).interval)
      count += 1
      if interval.lower <= trial.drop && trial.drop <= interval.upper { inside += 1 }
    }
  }
  #expect(Double(inside) / Double(count) > 0.84, "\(inside) of \(count), seed 41")
  let empty = DropCalibration([], ceiling: 0.8, images: images, probeImages: 0)
  #expect(empty.estimate(DropCalibration.Outlook(divergence: 1, probeDrop: 0)).interval == nil)
}

@Test func ofImagesInTheProbeTheDropIsWhatIsPredictedThereAndHalfOfItElsewhere() {
  let trials = (1...12).map { index in
    DropCalibration.Trial(
      DropCalibration.Outlook(divergence: Double(index) / 10, probeDrop: -0.01),
      drop: Double(index) / 20)
  }
  let whole = DropCalibration(trials, ceiling: 0.8, images: 400, probeImages: 400)
  let none = DropCalibration(trials, ceiling: 0.8, images: 400, probeImages: 0)
  let half = DropCalibration(trials, ceiling: 0.8, images: 400, probeImages: 200)
  let outlook = DropCalibration.Outlook(divergence: 0.5, probeDrop: 0.02)
  #expect(whole.estimate(outlook).value == 0.02)
  let mean = (none.estimate(outlook).value + 3 * 0.02) / 4
  #expect(abs(half.estimate(outlook).value - mean) < 1e-12)
}

/// Whatever is kept of the reference, and in however many parts images are measured.
@Test(arguments: [0, 4000, 1 << 20])
func whatIsKeptOfTheReferenceChangesNoFigure(budget: Int) throws {
  let (model, images) = (network(), try images(23))
  let plan = try plan(["c2": "int3:channel", "f": "int4:channel"])
  let whole = try measure(plan, of: model, on: images)
  let evaluator = try ClassifierEvaluator(
    model: model, images: images, pool: ComputePool(threadCount: 2), byteLimit: 1 << 26,
    checkpointBudget: budget)
  let planned = try evaluator.planned(plan, calibration: nil, cancellation: CancellationFlag())
  for _ in 0..<2 {
    let parts = try [0..<8, 8..<12, 12..<23].map {
      try evaluator.measure(planned, images: $0, cancellation: CancellationFlag())
    }
    let joined = parts[0].appending(parts[1]).appending(parts[2])
    #expect(joined.planned == whole.planned && joined.reference == whole.reference)
    #expect(joined.divergences == whole.divergences)
    #expect(joined.plannedHits == whole.plannedHits && joined.count == 23)
  }
}

@Test func cutsAreAllListed() throws {
  let program = try network().program()
  let names = program.cuts(before: []).map { program.valueName($0) }
  #expect(names.first == "b" && names.suffix(2).contains("g"))
  #expect(Set(names).count == names.count)
}
