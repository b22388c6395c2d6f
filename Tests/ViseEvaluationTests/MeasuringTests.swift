import Foundation
import Synchronization
import Testing
import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

@testable import ViseEvaluation

/// Treats every site of `block`.
private func plan(_ session: ModelSession, block: Int, _ type: StorageType) -> Plan {
  Plan(
    treatments: Dictionary(
      uniqueKeysWithValues: session.model.sites.filter { $0.block == block }.map {
        ($0.name, Treatment(format: .ggml(type)))
      }))
}

private func measure(_ evaluator: PlanEvaluator, _ plan: Plan) throws -> [WindowScore] {
  try evaluator.measure(
    plan, windows: 0..<evaluator.text.windowCount, cancellation: CancellationFlag())
}

@Test func keepingEverythingDivergesByExactlyZero() throws {
  let sample = try SampleSession()
  let evaluator = PlanEvaluator(session: sample.session, text: sample.text)
  for score in try measure(evaluator, Plan()) {
    #expect(score.divergences.allSatisfy { $0 == 0 })
    #expect(score.agreements == score.scoredCount)
    #expect(score.negativeLogLikelihood == score.referenceNegativeLogLikelihood)
  }
}

/// The oracle: softmax of all logits in double, and the sum over the vocabulary.
@Test(arguments: [nil, "token_embd.weight"])
func divergenceEqualsTheSumOverTheVocabulary(headSite: String?) throws {
  let sample = try SampleSession(windows: 1)
  let session = sample.session
  var plan = plan(session, block: 2, .q2_K)
  if let headSite { plan[headSite] = Treatment(format: .ggml(.q3_K)) }
  let score = try #require(
    try measure(PlanEvaluator(session: session, text: sample.text), plan).first)
  let cancellation = CancellationFlag()
  let batch = TokenBatch(
    tokens: sample.text.window(0), sequenceLength: sample.text.windowLength)
  func logits(_ plan: Plan) throws -> [[Double]] {
    let weights = try session.prepare(plan, cancellation: cancellation)
    let executor = Executor(graph: session.program.graph, ropeTables: session.ropeTables)
    let features = try executor.features(of: batch, weights: weights, cancellation: cancellation)
    let head = try weights.weight(session.program.graph.head)
    return sample.text.scoredPositions.map { row in
      (0..<head.rows).map {
        Kernels.dot(features.row(row), head.row($0), count: head.columns)
      }
    }
  }
  func logSoftmax(_ row: [Double]) -> [Double] {
    let largest = row.max() ?? 0
    let total = largest + log(row.reduce(0) { $0 + exp($1 - largest) })
    return row.map { $0 - total }
  }
  let reference = try logits(Plan()).map(logSoftmax)
  let planned = try logits(plan).map(logSoftmax)
  for (row, divergence) in score.divergences.enumerated() {
    let expected = zip(reference[row], planned[row]).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
    // Features and head are float32 with logits of order 10: each row is good to about 1e-4.
    #expect(abs(Double(divergence) - expected) < 1e-4 + 1e-3 * expected)
  }
  let targets = sample.text.targets(0)
  let likelihood = zip(planned, targets).reduce(0) { $0 - $1.0[Int($1.1)] }
  #expect(abs(score.negativeLogLikelihood - likelihood) < 1e-3 * likelihood)
}

@Test func resumingFromCheckpointsGivesTheSameBitsAsAFullRun() throws {
  let sample = try SampleSession()
  let warm = PlanEvaluator(session: sample.session, text: sample.text)
  let blocks = sample.session.program.graph.blockCount
  for block in [blocks - 1, 0, blocks / 2, blocks - 1] {
    let edited = plan(sample.session, block: block, .q3_K)
    let cold = PlanEvaluator(session: sample.session, text: sample.text)
    #expect(try measure(warm, edited) == measure(cold, edited), "block \(block)")
  }
}

@Test func scoresDoNotDependOnTheNumberOfThreads() throws {
  let one = try SampleSession(threads: 1)
  let three = try SampleSession(threads: 3)
  let edited = plan(one.session, block: 1, .q2_K)
  #expect(
    try measure(PlanEvaluator(session: one.session, text: one.text), edited)
      == measure(PlanEvaluator(session: three.session, text: three.text), edited))
}

/// Weights no cache keeps live only while an operation reads them; freed too early, they gave
/// wrong divergences now and then on two threads.
@Test(arguments: [1 << 16, 4 << 20])
func aBudgetTooSmallForTheWeightsGivesTheSameScores(memory: Int) throws {
  let roomy = try SampleSession(windows: 4, windowLength: 128)
  let tight = try SampleSession(windows: 4, windowLength: 128, threads: 4, memory: memory)
  let edited = plan(roomy.session, block: 1, .q2_K)
  #expect(
    try measure(PlanEvaluator(session: roomy.session, text: roomy.text), edited)
      == measure(PlanEvaluator(session: tight.session, text: tight.text), edited))
}

@Test func fewerBitsDivergeMore() throws {
  let sample = try SampleSession()
  let evaluator = PlanEvaluator(session: sample.session, text: sample.text)
  let divergences = try [StorageType.q8_0, .q4_K, .q3_K, .q2_K].map { type in
    MeasuredQuality(
      try measure(evaluator, plan(sample.session, block: 3, type)),
      windowLength: sample.text.windowLength
    ).klMean.mean
  }
  #expect(divergences == divergences.sorted())
  #expect(divergences[0] > 0)
}

@Test func cancellingStopsAMeasurement() throws {
  let sample = try SampleSession()
  let evaluator = PlanEvaluator(session: sample.session, text: sample.text)
  let flag = CancellationFlag()
  flag.cancel()
  #expect(throws: CancelledError.self) {
    try evaluator.measure(Plan(), windows: 0..<1, cancellation: flag)
  }
}

@Test func cutsAreThinnedBeforeWindowsAreDropped() {
  let all = CheckpointStore(cutCount: 8, windowCount: 10, bytesPerCut: 1, byteBudget: 80)
  #expect(all.stride == 1 && all.windowLimit == 10)
  let half = CheckpointStore(cutCount: 8, windowCount: 10, bytesPerCut: 1, byteBudget: 79)
  #expect(half.stride == 2 && half.windowLimit == 10)
  let few = CheckpointStore(cutCount: 8, windowCount: 10, bytesPerCut: 1, byteBudget: 10)
  #expect(few.stride == 4 && few.windowLimit == 5)
}

@Test func aLimitedTextHasTheFirstTokensOfAllOfIt() throws {
  let sample = try SampleSession()
  let path = SampleSession.folder.appending(path: "eval.txt").path
  let loader = TextLoader(model: sample.session.model)
  let all = try loader.tokens(path: path)
  for limit in [512, 20_000, all.count] {
    let text = try loader.load(path: path, windowLength: 64, limit: limit)
    #expect(text.tokens == Array(all.prefix(limit)))
  }
}
