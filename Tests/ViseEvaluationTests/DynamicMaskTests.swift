import Testing
import ViseFormats
import ViseGraphs
import ViseTensor

@testable import ViseEvaluation

@Test(arguments: 0..<5 as Range<UInt64>)
func theFewestChannelsThatHoldTheMassAreKept(seed: UInt64) {
  var source = RandomSource(seed: seed)
  let masses = (0..<12).map { _ in source.nextUnit() }
  let total = masses.reduce(0, +)
  var before = 0
  for share in [0.05, 0.3, 0.5, 0.8, 0.95, 1] {
    let firing = MassMask.firing(masses, share: share)
    let held = firing.reduce(0) { $0 + masses[$1] }
    let least = firing.map { masses[$0] }.min() ?? 0
    #expect(held >= share * total - 1e-12 && held - least < share * total, "seed \(seed)")
    #expect(masses.indices.allSatisfy { firing.contains($0) || masses[$0] <= least })
    #expect(firing.count >= before, "fewer channels for a larger share, seed \(seed)")
    before = firing.count
  }
}

@Test func masksZeroWholeChannelsOfOneImage() {
  let value = Tensor(
    [2, 3, 2],
    [Float(1), -6, 0, 3, 0, 0.5] + [0, 0, 2, 2, -1, 1])
  let mask = MassMask(value, share: 0.9)
  // 6 + 3 of 9.5, and 2 + 1 of 3.
  #expect(mask.kept == [2, 2] && mask.channels == 3)
  #expect(mask.masked.values(Float.self) == [1, -6, 0, 3, 0, 0, 0, 0, 2, 2, -1, 1])
  #expect(MassMask(value, share: 1).masked.values(Float.self) == value.values(Float.self))
  #expect(MassMask(Tensor([1, 2, 1], [Float(0), 0]), share: 0.5).kept == [0])
}

/// Two blocks with a residual sum, a depthwise convolution and pooling; images of 3 × 8 × 8.
private func network(seed: UInt64) -> GraphModel {
  var source = RandomSource(seed: seed)
  func weight(_ name: String, _ shape: [Int]) -> ONNXTensor {
    ONNXTensor(
      name: name,
      Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit()) - 0.45 }))
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
          node("Conv", ["x", "c1", "b1"], "a", pads), node("Relu", ["a"], "b"),
          node("Conv", ["b", "c2", "b1"], "c", pads), node("Add", ["c", "b"], "s"),
          node("Relu", ["s"], "r"),
          node("Conv", ["r", "dw"], "d", pads.merging(["group": .int(8)]) { $1 }),
          node("Relu", ["d"], "e"),
          node("MaxPool", ["e"], "p", ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
          node("Conv", ["p", "c3"], "f"), node("Relu", ["f"], "g"),
          node("GlobalAveragePool", ["g"], "h"), node("Flatten", ["h"], "i"),
          node("Gemm", ["i", "w"], "y", ["transB": .int(1)]),
        ],
        initializers: [
          weight("c1", [8, 3, 3, 3]), weight("b1", [8]), weight("c2", [8, 8, 3, 3]),
          weight("dw", [8, 1, 3, 3]), weight("c3", [6, 8, 1, 1]), weight("w", [5, 6]),
        ],
        inputs: [
          ONNXValue(
            name: "x", elementType: 1, shape: [.named("n"), .fixed(3), .fixed(8), .fixed(8)])
        ],
        outputs: [ONNXValue(name: "y", elementType: 1, shape: nil)])))
}

private func images(_ count: Int, seed: UInt64) throws -> LabelledImages {
  var source = RandomSource(seed: seed)
  let numbers = (0..<count * 192).map { _ in Float(source.nextUnit()) - 0.5 }
  return try LabelledImages(
    images: Tensor([count, 3, 8, 8], numbers),
    labels: Tensor([count], (0..<count).map { Int64($0 % 5) }), channels: 3)
}

private func study(_ model: GraphModel, _ images: LabelledImages) throws -> DynamicMaskStudy {
  try DynamicMaskStudy(
    model: model, images: images, pool: ComputePool(threadCount: 2), byteLimit: 1 << 26)
}

@Test func masksFollowActivationsAndKnowWhatTheyRead() {
  let points = MaskPoints(network(seed: 1).source.graph).points
  #expect(points.map(\.value) == ["b", "c", "e", "g"])
  // A residual sum is not masked, and each output of a depthwise convolution reads one channel.
  #expect(points.map(\.source) == [nil, "b", nil, "e"])
}

@Test(arguments: 0..<3 as Range<UInt64>)
func allOfTheMassIsTheModelItself(seed: UInt64) throws {
  let study = try study(network(seed: seed), images(23, seed: seed + 50))
  let result = try study.run(share: 1, cancellation: CancellationFlag())
  #expect(result.scores.reference == result.scores.planned, "seed \(seed)")
  #expect(result.scores.divergences.allSatisfy { $0 == 0 }, "seed \(seed)")
  #expect(result.worstMACs <= Double(study.macs))
}

@Test(arguments: 0..<3 as Range<UInt64>)
func lessMassCostsLess(seed: UInt64) throws {
  let study = try study(network(seed: seed), images(16, seed: seed + 60))
  var before = 0.0
  for share in [0.2, 0.5, 0.8, 1] {
    let result = try study.run(share: share, cancellation: CancellationFlag())
    #expect(result.expectedMACs <= result.worstMACs && result.expectedMACs >= before)
    #expect(result.kept.map(\.convolution) == ["a", "c", "d", "f"])
    #expect(result.kept.allSatisfy { $0.share > 0 && $0.share <= 1 })
    before = result.expectedMACs
  }
}

/// MACs by hand of one image whose masks are known from the values themselves.
@Test func macsFollowFromTheChannelsKept() throws {
  let (model, image) = (network(seed: 7), try images(1, seed: 70))
  let study = try study(model, image)
  #expect(study.macs == 64 * (8 * 27 + 8 * 72 + 8 * 9) + 16 * 6 * 8 + 30)
  let result = try study.run(share: 0.6, cancellation: CancellationFlag())
  let kept = Dictionary(uniqueKeysWithValues: result.kept.map { ($0.convolution, $0.share) })
  let (a, c, d, f) = (
    try #require(kept["a"]), try #require(kept["c"]), try #require(kept["d"]),
    try #require(kept["f"])
  )
  let counted =
    64 * (8 * 27 * a + 8 * 72 * c * a + 8 * 9 * d) + 16 * 6 * 8 * f * d + 30
  #expect(abs(result.expectedMACs - counted) < 1e-6 && result.worstMACs == result.expectedMACs)
}

@Test func aModelWithoutConvolutionsHasNothingToMask() throws {
  let graph = ONNXGraph(
    name: "net",
    nodes: [ONNXNode(name: "y", type: "Relu", inputs: ["x"], outputs: ["y"])], initializers: [],
    inputs: [ONNXValue(name: "x", elementType: 1, shape: nil)],
    outputs: [ONNXValue(name: "y", elementType: 1, shape: nil)])
  let model = GraphModel(
    ONNXModel(
      path: "net.onnx", byteCount: 0, irVersion: 8, producer: "", opsets: ["": 17], graph: graph))
  #expect(throws: WhatIfError.noConvolutions) { try study(model, images(4, seed: 1)) }
}
