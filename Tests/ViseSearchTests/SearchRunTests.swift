import Foundation
import Synchronization
import Testing
import ViseSearch
import ViseTensor

/// A folder of a test's own, removed with it.
private final class Folder {
  let path = FileManager.default.temporaryDirectory.appending(path: "vise-\(UUID())").path

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

struct SearchRunTests {
  /// Stopped after random numbers of windows, again and again, and continued by its journal.
  @Test(
    arguments: [
      StrategyName.differentiable, .descent, .evolution, .windows, .thompson, .ucb, .random,
    ],
    1...3 as ClosedRange<UInt64>)
  func anInterruptedSearchEndsWhereAnUninterruptedOneDoes(
    name: StrategyName, seed: UInt64
  ) throws {
    let folder = try Folder()
    let limits = SearchLimits(trials: 25)
    let whole = SyntheticSearch(seed: seed)
    let uninterrupted = whole.run(name.strategy(whole.problem, seed: seed), limits: limits)
    try uninterrupted.finish(cancellation: CancellationFlag())

    var random = RandomSource(seed: seed)
    var continued: SearchRun?
    for _ in 0..<400 {
      let search = SyntheticSearch(seed: seed)
      search.measuring.interruption.withLock { $0 = Int.random(in: 1...40, using: &random) }
      let run = search.run(
        name.strategy(search.problem, seed: seed), limits: limits,
        journal: try SearchJournal(folder: folder.path, identity: "test"))
      do {
        try run.finish(cancellation: CancellationFlag())
        continued = run
        break
      } catch is CancelledError {}
    }
    let result = try #require(continued, "never came to an end, seed \(seed)")
    #expect(result.trials == uninterrupted.trials, "\(name), seed \(seed)")
    #expect(result.best == uninterrupted.best, "\(name), seed \(seed)")
  }

  @Test func aContinuedSearchMeasuresNothingAgain() throws {
    let folder = try Folder()
    let limits = SearchLimits(trials: 10)
    for expected in [80, 0] {
      let search = SyntheticSearch(seed: 1)
      let run = search.run(
        StrategyName.descent.strategy(search.problem, seed: 1), limits: limits,
        journal: try SearchJournal(folder: folder.path, identity: "test"))
      try run.finish(cancellation: CancellationFlag())
      #expect(search.measuring.count.withLock { $0 } == expected)
      #expect(run.progress.windows == 80)
    }
  }

  /// A crash cuts the file anywhere: what is whole before the cut stays, the rest goes.
  @Test func aJournalCutAnywhereKeepsItsWholeLines() throws {
    let folder = try Folder()
    let path = folder.path + "/a.search"
    let entries = (0..<5).map {
      SearchJournal.Entry(
        choice: [$0, 1, 2], start: 0, losses: [0.1 * Double($0), .pi], seconds: Double($0))
    }
    let effects = (0..<3).map {
      SearchJournal.Effect(
        site: $0, treatment: "prune=0.5 format=int4", loss: .pi / Double($0 + 1), seconds: 2)
    }
    do {
      let journal = try SearchJournal(path: path, identity: "x")
      for effect in effects { try journal.add(effect) }
      for entry in entries { try journal.add(entry) }
    }
    let bytes = try Data(contentsOf: URL(filePath: path))
    for length in 0...bytes.count {
      try bytes.prefix(length).write(to: URL(filePath: path))
      let read = try SearchJournal(path: path, identity: "x")
      let lines = bytes.prefix(length).count { $0 == UInt8(ascii: "\n") } - 1
      #expect(read.effects == Array(effects.prefix(max(0, lines))), "cut at \(length)")
      #expect(
        read.entries == Array(entries.prefix(max(0, lines - effects.count))), "cut at \(length)")
    }
  }

  @Test func aJournalOfAnotherSearchOrInUseIsRefused() throws {
    let folder = try Folder()
    let path = folder.path + "/a.search"
    let journal = try SearchJournal(path: path, identity: "x")
    #expect(throws: SearchJournalError.inUse(path: path)) {
      try SearchJournal(path: path, identity: "x")
    }
    withExtendedLifetime(journal) {}
    try Data("something else\n".utf8).write(to: URL(filePath: folder.path + "/b.search"))
    #expect(throws: SearchJournalError.foreign(path: folder.path + "/b.search")) {
      try SearchJournal(path: folder.path + "/b.search", identity: "x")
    }
  }

  @Test func plansOutsideTheLimitsAreNeverTheResult() throws {
    for seed in 1...5 as ClosedRange<UInt64> {
      let search = SyntheticSearch(seed: seed)
      let run = search.run(
        WindowCombination(search.problem, seed: seed), limits: SearchLimits(trials: 60))
      try run.finish(cancellation: CancellationFlag())
      let best = try #require(run.best)
      #expect(search.problem.allocation.isFeasible(best.choice), "seed \(seed)")
    }
  }
}
