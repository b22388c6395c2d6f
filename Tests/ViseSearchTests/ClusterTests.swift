import Foundation
import Synchronization
import Testing
import ViseCompression
import ViseEvaluation
import ViseSearch
import ViseTensor

/// A queue that runs its tasks at once, of which the first ones may be lost.
private final class ShellQueue: BatchQueue {
  /// Tasks that are never run, as where their machine fails.
  let losses: Mutex<Int>
  let submitted = Mutex<[Int]>([])
  let cancelled = Mutex(0)
  /// What `active` gives besides: tasks that are never done.
  let stuck: Set<QueuedTask>?

  init(losses: Int = 0, stuck: Set<QueuedTask>? = []) {
    self.losses = Mutex(losses)
    self.stuck = stuck
  }

  func submit(
    script: String, count: Int, name: String, log: String
  ) throws(ClusterError) -> String {
    let job = submitted.withLock { submitted in
      submitted.append(count)
      return "\(submitted.count)"
    }
    for index in 0..<count {
      let isLost = losses.withLock { left in
        left -= 1
        return left >= 0
      }
      if isLost { continue }
      let shell = Process()
      shell.executableURL = URL(filePath: "/bin/sh")
      shell.arguments = [script]
      shell.environment = ["SLURM_ARRAY_TASK_ID": "\(index)", "PATH": "/usr/bin:/bin"]
      let path = log.replacing("%A", with: job).replacing("%a", with: "\(index)")
      _ = FileManager.default.createFile(atPath: path, contents: nil)
      shell.standardError = FileHandle(forWritingAtPath: path)
      do { try shell.run() } catch {
        throw .refused(program: "sh", reason: "\(error)")
      }
      shell.waitUntilExit()
    }
    return job
  }

  func active(name: String) -> Set<QueuedTask>? { stuck }

  func cancel(name: String) { cancelled.withLock { $0 += 1 } }
}

struct ClusterTests {
  private static let sites = (0..<3).map {
    Site(
      index: $0, name: "it's \($0)", role: .linear, block: 0, rows: 64, columns: 256, stored: .f16)
  }

  private static func score(_ window: Int) -> WindowScore {
    WindowScore(
      window: window, negativeLogLikelihood: 0.1 + Double(window),
      referenceNegativeLogLikelihood: 1 / 3, divergences: [0.1, .leastNonzeroMagnitude, 1e9],
      agreements: 2)
  }

  private static let orders = [0..<2, 2..<4].enumerated().map { index, windows in
    MeasurementOrder(
      plan: Plan(only: "it's \(index)", treatment: Treatment(format: .ggml(.q4_K))),
      windows: windows)
  }

  /// Tasks copy scores that lie ready; `script` is run before.
  private func measuring(
    _ queue: ShellQueue, in folder: URL, script: String = "true",
    kept: @escaping @Sendable ([WindowScore], Plan) -> Void = { _, _ in }
  ) throws -> ClusterMeasuring {
    for order in Self.orders {
      try WindowScoreFile.text(of: order.windows.map(Self.score)).write(
        to: folder.appending(path: "ready-\(order.windows.lowerBound)"), atomically: true,
        encoding: .utf8)
    }
    return try ClusterMeasuring(
      batchSize: 2, queue: queue, folder: folder.appending(path: "shared").path, identity: "test",
      sites: Self.sites, keep: kept, pollSeconds: 0.01
    ) { plan, windows, out in
      let ready = folder.appending(path: "ready-\(windows.lowerBound)").path
      return ["/bin/sh", "-c", "\(script); test -s '\(plan)' && cp '\(ready)' '\(out)'"]
    }
  }

  private static let losses = orders.map { order in
    order.windows.map { score($0).meanDivergence }
  }

  @Test func scoresSurviveTheirFileToTheBitAndCutOffOnesAreNone() {
    let scores = (0..<5).map(Self.score)
    let text = WindowScoreFile.text(of: scores)
    #expect(WindowScoreFile.scores(in: text) == scores)
    for count in 0..<text.count - 1 {
      #expect(WindowScoreFile.scores(in: String(text.prefix(count))) == nil, "\(count)")
    }
    for (word, other) in [("scores", "score"), ("0 2", "0 4"), ("0 2", "-1 2"), (",", ",x")] {
      #expect(WindowScoreFile.scores(in: text.replacing(word, with: other)) == nil, "\(word)")
    }
  }

  @Test func ordersAreOneJobAndWhatTheyFindIsKept() throws {
    try withFolder { folder in
      let queue = ShellQueue()
      let kept = Mutex<[Plan]>([])
      let measuring = try measuring(queue, in: folder) { _, plan in
        kept.withLock { $0.append(plan) }
      }
      let found = try measuring.measure(Self.orders, cancellation: CancellationFlag())
      #expect(found == Self.losses)
      #expect(queue.submitted.withLock { $0 } == [2])
      #expect(kept.withLock { $0 } == Self.orders.map(\.plan))
    }
  }

  @Test func whatAnEarlierRunFoundIsNotMeasuredAgain() throws {
    try withFolder { folder in
      _ = try measuring(ShellQueue(), in: folder).measure(
        [Self.orders[1]], cancellation: CancellationFlag())
      let queue = ShellQueue()
      let found = try measuring(queue, in: folder).measure(
        Self.orders, cancellation: CancellationFlag())
      #expect(found == Self.losses)
      #expect(queue.submitted.withLock { $0 } == [1])
    }
  }

  @Test func tasksWhoseMachineFailedAreGivenOutAgain() throws {
    try withFolder { folder in
      let queue = ShellQueue(losses: 3)
      let found = try measuring(queue, in: folder).measure(
        Self.orders, cancellation: CancellationFlag())
      #expect(found == Self.losses)
      #expect(queue.submitted.withLock { $0 } == [2, 2, 1])
    }
  }

  @Test func aTaskThatNeverSucceedsIsReportedWithItsLog() throws {
    try withFolder { folder in
      let measuring = try measuring(
        ShellQueue(), in: folder, script: "echo 'no such model' >&2; exit 2")
      let error = #expect(throws: ClusterError.self) {
        try measuring.measure(Self.orders, cancellation: CancellationFlag())
      }
      guard case .failed(_, let attempts, let log) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(attempts == 3)
      #expect(log.contains("no such model"))
    }
  }

  @Test func aQueueThatDoesNotAnswerIsWaitedForAndCancellationEndsItsJobs() throws {
    try withFolder { folder in
      let queue = ShellQueue(stuck: nil)
      let cancellation = CancellationFlag()
      let measuring = try measuring(queue, in: folder)
      Thread.detachNewThread {
        Thread.sleep(forTimeInterval: 0.1)
        cancellation.cancel()
      }
      #expect(throws: CancelledError.self) {
        try measuring.measure(Self.orders, cancellation: cancellation)
      }
      #expect(queue.submitted.withLock { $0 }.isEmpty)
      #expect(queue.cancelled.withLock { $0 } == 1)
    }
  }

  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "vise-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }
}
