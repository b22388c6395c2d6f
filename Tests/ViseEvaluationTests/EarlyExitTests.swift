import Foundation
import Testing
import ViseFormats
import ViseGraphs
import ViseTensor

@testable import ViseEvaluation

private let root = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// Features of two blobs a class, and their labels.
private func sample(_ count: Int, features: Int, classes: Int, seed: UInt64)
  -> (x: Matrix, labels: [Int])
{
  var source = RandomSource(seed: seed)
  let labels = (0..<count).map { _ in Int(source.next() % UInt64(classes)) }
  let x = Matrix(rows: count, columns: features)
  for (row, label) in labels.enumerated() {
    for column in 0..<features {
      let centre: Double = column % classes == label ? 1 : 0
      x.row(row)[column] = Float(centre + 1.5 * (source.nextUnit() - 0.5))
    }
  }
  return (x, labels)
}

/// Solves A·x = b by elimination with pivots, in doubles.
private func solve(_ a: [[Double]], _ b: [Double]) -> [Double] {
  var rows = zip(a, b).map { $0 + [$1] }
  let n = b.count
  for column in 0..<n {
    let pivot = (column..<n).max { abs(rows[$0][column]) < abs(rows[$1][column]) } ?? column
    rows.swapAt(column, pivot)
    for row in 0..<n where row != column {
      let factor = rows[row][column] / rows[column][column]
      for place in column...n { rows[row][place] -= factor * rows[column][place] }
    }
  }
  return (0..<n).map { rows[$0][n] / rows[$0][$0] }
}

/// Ridge regression with a free intercept by its normal equations, penalty Σ‖w‖²·`penalty`.
private func plainRidge(
  _ x: Matrix, _ rows: [Int], _ y: [Double], penalty: Double
) -> [Double] {
  let width = x.columns + 1
  var a = [[Double]](repeating: [Double](repeating: 0, count: width), count: width)
  var b = [Double](repeating: 0, count: width)
  for row in rows {
    let features = (0..<x.columns).map { Double(x.row(row)[$0]) } + [1]
    for i in 0..<width {
      for j in 0..<width { a[i][j] += features[i] * features[j] }
      b[i] += features[i] * y[row]
    }
  }
  for i in 0..<x.columns { a[i][i] += penalty }
  return solve(a, b)
}

@Test(arguments: 0..<3 as Range<UInt64>)
func probesAreRidgeRegressionsAndLeaveOneOutIsThat(seed: UInt64) throws {
  try BLAS.load()
  let (count, classes) = (40, 3)
  let (x, labels) = sample(count, features: 5, classes: classes, seed: seed)
  let penalty = 0.05
  let probe = try RidgeProbe(
    features: x, labels: labels, classes: classes, penalties: [penalty])
  let scores = probe.scores(x)
  var leftOut = 0.0
  for column in 0..<classes {
    let y = labels.map { $0 == column ? 1.0 : 0.0 }
    func predicted(_ weights: [Double], _ row: Int) -> Double {
      (0..<x.columns).reduce(weights[x.columns]) { $0 + weights[$1] * Double(x.row(row)[$1]) }
    }
    let whole = plainRidge(x, Array(0..<count), y, penalty: penalty * Double(count))
    for row in 0..<count {
      #expect(abs(predicted(whole, row) - Double(scores.row(row)[column])) < 1e-4, "seed \(seed)")
      let rest = (0..<count).filter { $0 != row }
      let without = plainRidge(x, rest, y, penalty: penalty * Double(count))
      let residual = y[row] - predicted(without, row)
      leftOut += residual * residual
    }
  }
  leftOut /= Double(count * classes)
  #expect(abs(probe.leaveOneOutError - leftOut) < 1e-3 * leftOut, "seed \(seed)")
}

@Test func thePenaltyWithTheLeastErrorIsTaken() throws {
  try BLAS.load()
  let (x, labels) = sample(60, features: 30, classes: 3, seed: 9)
  let candidates = [1e-6, 1e-2, 1, 100]
  let errors = try candidates.map {
    try RidgeProbe(features: x, labels: labels, classes: 3, penalties: [$0]).leaveOneOutError
  }
  let chosen = try RidgeProbe(features: x, labels: labels, classes: 3, penalties: candidates)
  #expect(chosen.leaveOneOutError == errors.min())
  let constant = Matrix.zeros(rows: 6, columns: 2)
  let flat = try RidgeProbe(features: constant, labels: [0, 1, 0, 0, 1, 0], classes: 2)
  #expect(abs(flat.scores(constant).values[0] - 2.0 / 3) < 1e-6)
}

private func study(
  _ name: String, _ count: Int, exits: [String] = [], fitShare: Double = 0.5
) throws -> EarlyExitStudy {
  let file = try ArrayFile(
    path: root.appending(path: "SampleModels/fashion-mnist/eval.npz").path, byteLimit: 1 << 28)
  let images = try LabelledImages(
    images: file.array("x"), labels: file.array("y"), channels: 1,
    normalization: LabelledImages.Normalization(mean: [0.2860], deviation: [0.3530]))
  return try EarlyExitStudy(
    model: GraphModel(path: root.appending(path: "SampleModels/\(name)/\(name).onnx").path)
      .foldingNormalizations(), images: images.shuffled(seed: 3).prefix(count), exits: exits,
    fitShare: fitShare, pool: ComputePool(threadCount: 2), byteLimit: 1 << 28)
}

@Test func exitsAreAtTheEndsOfStages() throws {
  let residual = try study("resnet20-fashion", 40)
  #expect(
    residual.exits == ["stage1.block3.out", "stage2.block3.out", "stage3.block2.out"])
  // Values of one shape throughout: by their share of the work.
  #expect(try study("vit-fashion", 40).exits == ["block1.out", "block2.out", "block3.out"])
  #expect(try study("mlp-fashion", 40).exits == ["fc1.out"])
  #expect(throws: WhatIfError.noExits) { try study("lstm-fashion", 40) }
  #expect(throws: WhatIfError.noSuchValue("nothing")) {
    try study("resnet20-fashion", 40, exits: ["nothing"])
  }
  #expect(throws: WhatIfError.tooFewImages(12, needed: 22)) { try study("resnet20-fashion", 12) }
}

@Test func thresholdsGoFromTheFirstExitToTheModelItself() throws {
  let result = try study("resnet20-fashion", 400).run(cancellation: CancellationFlag())
  #expect(result.fitCount == 200 && result.judgedCount == 200)
  let never = result.row(threshold: 1)
  #expect(never.top1 == result.modelTop1 && never.difference.mean == 0)
  #expect(never.shares == [0, 0, 0, 1] && never.expectedMACs == Double(result.worstMACs))
  let probes = result.exits.reduce(0) { $0 + $1.features * 10 }
  #expect(result.worstMACs == result.modelMACs + probes)
  let macs = result.exits.map(\.macs)
  #expect(macs == macs.sorted() && macs[0] < result.modelMACs / 2)
  var before = 0.0
  for threshold in [0, 0.2, 0.5, 0.7, 0.9, 1] {
    let row = result.row(threshold: threshold)
    #expect(row.expectedMACs >= before && row.expectedMACs <= Double(result.worstMACs))
    #expect(abs(row.shares.reduce(0, +) - 1) < 1e-12)
    before = row.expectedMACs
  }
  let first = result.row(threshold: 0)
  #expect(first.shares[0] == 1 && first.top1 == result.exits[0].top1)
  #expect(first.expectedMACs == Double(macs[0]))
  // Probes on later values are better, and none is a guess.
  #expect(result.exits[0].top1.mean > 0.4 && result.exits[2].top1.mean > result.exits[0].top1.mean)
}

@Test func featuresAreMeansOverWhatIsNoChannel() throws {
  let planes = try #require(ExitFeatures(Tensor([1, 2, 1, 2], [Float(1), 3, 5, 9])))
  #expect(planes.count == 2 && planes.values == [2, 7])
  let tokens = try #require(ExitFeatures(Tensor([1, 2, 3], [Float(1), 2, 3, 5, 6, 7])))
  #expect(tokens.count == 3 && tokens.values == [3, 4, 5])
  #expect(ExitFeatures(Tensor([2, 2], [Float(1), 2, 3, 4]))?.values == [1, 2, 3, 4])
  #expect(ExitFeatures(Tensor([2], [Float(1), 2])) == nil)
}
