import Foundation
import Synchronization
import Testing
import ViseCompression
import ViseFormats
import ViseModels
import ViseTensor

@testable import ViseEvaluation

/// A folder for one test's files.
private func withFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "vise-calibration-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}

private func collector(
  _ sample: SampleSession, _ path: String, sums: Int = 1 << 30,
  _ change: (inout CalibrationCollector.Settings) -> Void = { _ in }
) throws -> CalibrationCollector {
  var settings = CalibrationCollector.Settings(path: path, sumsByteCount: sums, source: "test")
  change(&settings)
  return try CalibrationCollector(session: sample.session, text: sample.text, settings: settings)
}

/// Collects on the sample and opens what was written.
private func calibration(
  _ sample: SampleSession, at path: String, sums: Int = 1 << 30
) throws -> CalibrationFile {
  _ = try collector(sample, path, sums: sums).run(cancellation: CancellationFlag())
  return try CalibrationFile(path: path, model: sample.session.model)
}

/// Every row each site read, collected by weight in one thread.
private func inputs(_ sample: SampleSession) throws -> [String: [[Float]]] {
  let executor = Executor(
    graph: sample.session.program.graph, ropeTables: sample.session.ropeTables)
  var rows: [String: [[Float]]] = [:]
  for window in 0..<sample.text.windowCount {
    let batch = TokenBatch(
      tokens: sample.text.window(window), sequenceLength: sample.text.windowLength)
    try executor.observeLinearInputs(
      of: batch, weights: sample.session.weights, cancellation: CancellationFlag()
    ) { weight, input in
      rows[weight, default: []] += (0..<input.rows).map {
        Array(UnsafeBufferPointer(start: input.row($0), count: input.columns))
      }
    }
  }
  return rows
}

@Test func statisticsAreThoseOfTheRowsEachSiteReads() throws {
  try withFolder { folder in
    let sample = try SampleSession(windows: 2, windowLength: 32)
    let file = try calibration(sample, at: folder.appending(path: "c").path)
    let rows = try inputs(sample)
    #expect(file.tokenCount == 64)
    for site in sample.session.model.sites {
      let statistics = try #require(try file.statistics(of: site), "\(site.name)")
      let seen = try #require(rows[site.name], "\(site.name)")
      #expect(seen.count == 64 && statistics.columns == site.columns)
      // A column and one pair of columns far apart, in double.
      for (a, b) in [(0, 0), (3, site.columns - 1), (site.columns / 2, 1)] {
        let moment = seen.reduce(0.0) { $0 + Double($1[a]) * Double($1[b]) } / 64
        let scale = Double(statistics.diagonal[a] * statistics.diagonal[b]).squareRoot()
        let found = statistics.secondMoment.row(a)[b]
        #expect(abs(Double(found) - moment) < 1e-5 * scale + 1e-12)
        #expect(statistics.secondMoment.row(b)[a] == found)
      }
      for column in stride(from: 0, to: site.columns, by: 17) {
        let values = seen.map { $0[column] }
        #expect(statistics.minimum[column] == values.min())
        #expect(statistics.maximum[column] == values.max())
        let mean = values.reduce(0.0) { $0 + Double($1) } / 64
        let size = Double(statistics.largestMagnitude[column])
        #expect(abs(Double(statistics.mean[column]) - mean) < 1e-5 * size)
      }
      withExtendedLifetime(statistics) {}
    }
  }
}

@Test func sitesThatReadOneInputShareItsRecord() throws {
  let sample = try SampleSession(windows: 1)
  let model = sample.session.model
  let inputs = CalibrationInputs(model, sample.session.program.graph)
  func index(_ site: String) -> Int? { inputs.indices[site] }
  #expect(index("blk.0.attn_q.weight") == index("blk.0.attn_k.weight"))
  #expect(index("blk.0.ffn_gate.weight") == index("blk.0.ffn_up.weight"))
  #expect(index("blk.0.attn_q.weight") != index("blk.1.attn_q.weight"))
  // Tied: the embedding is the head, which reads the final features.
  #expect(index("token_embd.weight") == inputs.all.count - 1)
  #expect(inputs.all.count == 4 * sample.session.program.graph.blockCount + 1)
}

@Test func filesAreTheSameBytesForAnyNumberOfThreadsAndPasses() throws {
  try withFolder { folder in
    var contents: [Data] = []
    for (index, (threads, sums)) in [(1, 1 << 30), (2, 1 << 30), (3, 1 << 30), (2, 1 << 20)]
      .enumerated()
    {
      let sample = try SampleSession(windows: 11, windowLength: 48, threads: threads)
      let path = folder.appending(path: "\(index)").path
      let work = try collector(sample, path, sums: sums)
      #expect((work.groups.count > 1) == (sums == 1 << 20))
      let summary = try work.run(cancellation: CancellationFlag())
      contents.append(try Data(contentsOf: URL(filePath: path)))
      #expect(summary.byteCount == contents[index].count)
      #expect(summary.passCount == work.groups.count)
    }
    #expect(Set(contents).count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 4)
  }
}

@Test(arguments: [1 << 30, 4 << 20])
func anInterruptedRunIsPickedUpAndGivesTheSameBytes(sums: Int) throws {
  try withFolder { folder in
    let sample = try SampleSession(windows: 40, windowLength: 16)
    let whole = folder.appending(path: "whole").path
    _ = try collector(sample, whole, sums: sums).run(cancellation: CancellationFlag())
    let path = folder.appending(path: "c").path
    let work = try collector(sample, path, sums: sums) { $0.saveInterval = .zero }
    let flag = CancellationFlag()
    let stop = (work.groups.count - 1) * 40 + 30
    #expect(throws: CancelledError.self) {
      try work.run(cancellation: flag) { done, _ in if done >= stop { flag.cancel() } }
    }
    #expect(!FileManager.default.fileExists(atPath: path))
    let summary = try work.run(cancellation: CancellationFlag())
    #expect(summary.resumedWindowCount >= (work.groups.count - 1) * 40 + 16)
    #expect(
      try Data(contentsOf: URL(filePath: path)) == Data(contentsOf: URL(filePath: whole)))
    #expect(
      Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)) == ["c", "whole"])
  }
}

@Test func unfinishedWorkOfAnotherTextIsNotPickedUp() throws {
  try withFolder { folder in
    let path = folder.appending(path: "c").path
    let flag = CancellationFlag()
    let other = try SampleSession(windows: 30, windowLength: 16)
    let interrupted = try collector(other, path) { $0.saveInterval = .zero }
    #expect(throws: CancelledError.self) {
      try interrupted.run(cancellation: flag) { done, _ in if done >= 20 { flag.cancel() } }
    }
    #expect(FileManager.default.fileExists(atPath: path + ".partial"))
    let sample = try SampleSession(windows: 31, windowLength: 16)
    let summary = try collector(sample, path).run(cancellation: CancellationFlag())
    #expect(summary.resumedWindowCount == 0)
  }
}

@Test func anExistingFileIsNotReplacedUnasked() throws {
  try withFolder { folder in
    let sample = try SampleSession(windows: 1)
    let path = folder.appending(path: "c").path
    _ = try calibration(sample, at: path)
    #expect(throws: WriteError.alreadyExists(path: path)) { try calibration(sample, at: path) }
    let replacing = try collector(sample, path) { $0.replacing = true }
    #expect(try replacing.run(cancellation: CancellationFlag()).windowCount == 1)
  }
}

@Test func identityFollowsTheTextAndNotTheThreads() throws {
  try withFolder { folder in
    let first = try calibration(
      try SampleSession(windows: 2, threads: 1), at: folder.appending(path: "a").path)
    let second = try calibration(
      try SampleSession(windows: 2, threads: 2), at: folder.appending(path: "b").path)
    let third = try calibration(
      try SampleSession(windows: 3), at: folder.appending(path: "c").path)
    #expect(first.identity == second.identity)
    #expect(first.identity != third.identity)
  }
}

@Test func runsOfTokensAreFoundAgain() {
  var random = RandomSource(seed: 5)
  let text = (0..<4000).map { _ in Int32.random(in: 0..<1000, using: &random) }
  let other = (0..<4000).map { _ in Int32.random(in: 0..<1000, using: &random) }
  let grams = TextGrams(tokens: text)
  #expect(grams.overlap(with: text).isWhole)
  #expect(grams.overlap(with: text[100..<900]).isWhole)
  let part = TextGrams(tokens: text[100..<900]).overlap(with: text)
  #expect(part.isWhole && part.calibrationShare == 1 && part.share < 0.3)
  #expect(grams.overlap(with: other).isNone)
  // 1,000 of 2,000 tokens: 969 of 1,969 runs.
  let half = grams.overlap(with: Array(text[..<1000]) + other[..<1000])
  #expect(!half.isWhole && abs(half.share - 969.0 / 1969) < 1e-9)
  #expect(TextGrams(tokens: text[..<31]).overlap(with: text).isNone)
  #expect(grams.overlap(with: text[..<31]).checkedCount == 0)
}

@Test func aSampleOfALongTextEstimatesItsShare() {
  var random = RandomSource(seed: 6)
  let text = (0..<200_000).map { _ in Int32.random(in: 0..<50_000, using: &random) }
  let other = (0..<100_000).map { _ in Int32.random(in: 0..<50_000, using: &random) }
  let grams = TextGrams(tokens: text)
  #expect(grams.hashes.count == TextGrams.mostHashes)
  #expect(grams.overlap(with: text[50_000..<90_000]).isWhole)
  let overlap = grams.overlap(with: Array(text[..<50_000]) + other[..<50_000])
  // About 33,000 runs are compared: three deviations are 0.8 %.
  #expect(overlap.checkedCount > 25_000 && abs(overlap.share - 0.5) < 0.01)
}

@Test func sampledTextIsReproducibleAndLikelierThanChance() throws {
  let sample = try SampleSession(windows: 1)
  func text(_ seed: UInt64, threads: Int) throws -> EvaluationText {
    let session = try ModelSession(
      model: sample.session.model, pool: ComputePool(threadCount: threads),
      budget: MemoryBudget(total: 1 << 30))
    return try TextSampler(session: session, seed: seed).text(
      tokenCount: 1100, cancellation: CancellationFlag())
  }
  let first = try text(3, threads: 1)
  #expect(first.tokens.count == 18 * 64 && first.windowLength == 64)
  #expect(try text(3, threads: 2) == first)
  #expect(try text(4, threads: 2) != first)
  // Sampled at temperature 1 its perplexity is that of the model's own entropy; chance is 4096.
  let evaluator = PlanEvaluator(session: sample.session, text: first)
  let sums = try evaluator.referenceLikelihoods(windows: 0..<18, cancellation: CancellationFlag())
  let mean = sums.reduce(0, +) / Double(18 * first.scoredPositions.count)
  #expect(exp(mean) < 100)
}
