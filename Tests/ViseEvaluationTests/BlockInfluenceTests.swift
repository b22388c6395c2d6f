import Testing
import ViseCompression
import ViseModels
import ViseTensor

@testable import ViseEvaluation

/// 1 − mean cosine over all tokens, from the values at the cuts, in doubles.
@Test func influenceIsOneMinusTheMeanCosineOfABlocksEnds() throws {
  let sample = try SampleSession(windows: 2)
  let session = sample.session
  let found = try BlockInfluence.measure(
    session, on: sample.text, cancellation: CancellationFlag()
  ).values
  let executor = Executor(graph: session.program.graph, ropeTables: session.ropeTables)
  var sums = [Double](repeating: 0, count: found.count)
  for window in 0..<2 {
    var cuts: [[Float]] = []
    _ = try executor.features(
      of: TokenBatch(
        tokens: sample.text.window(window), sequenceLength: sample.text.windowLength),
      weights: session.weights, cancellation: CancellationFlag()
    ) { cuts.append($0.value.values) }
    let width = session.program.configuration.width
    for block in found.indices {
      for start in stride(from: 0, to: cuts[block].count, by: width) {
        var (dot, own, other) = (0.0, 0.0, 0.0)
        for index in start..<start + width {
          let (x, y) = (Double(cuts[block][index]), Double(cuts[block + 1][index]))
          dot += x * y
          own += x * x
          other += y * y
        }
        sums[block] += dot / (own * other).squareRoot()
      }
    }
  }
  let tokens = Double(2 * sample.text.windowLength)
  #expect(found.count == session.program.configuration.blockCount)
  for (value, sum) in zip(found, sums) { #expect(abs(value - (1 - sum / tokens)) < 1e-6) }
}

@Test func theLeastInfluentialBlocksAreNamedInTheirOrder() {
  let influence = BlockInfluence(values: [0.9, 0.1, 0.3, 0.05, 0.3])
  #expect(influence.leastInfluential(0).isEmpty)
  #expect(influence.leastInfluential(2) == [1, 3])
  #expect(influence.leastInfluential(3) == [1, 2, 3])
}

/// A block whose channels are all gone passes its input on: its influence is nothing.
@Test func aDroppedBlockDoesNothing() throws {
  let sample = try SampleSession(windows: 1)
  let session = sample.session
  let plan = try Plan().dropping(blocks: [2], of: session.model.sites)
  let weights = try session.prepare(plan, cancellation: CancellationFlag())
  let executor = Executor(graph: session.program.graph, ropeTables: session.ropeTables)
  var cuts: [[Float]] = []
  _ = try executor.features(
    of: TokenBatch(tokens: sample.text.window(0), sequenceLength: sample.text.windowLength),
    weights: weights, cancellation: CancellationFlag()
  ) { cuts.append($0.value.values) }
  #expect(cuts[2] == cuts[3])
  #expect(cuts[1] != cuts[2])
}
