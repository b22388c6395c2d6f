import Glibc
public import ViseCompression
public import ViseEvaluation
import ViseModels
public import ViseTensor

/// Measures plans by tasks of array jobs, which write what they find into a shared folder.
///
/// A task whose machine failed is given out again; what tasks of an interrupted search have found, or
/// find while nobody waits, is taken when the search goes on.
public final class ClusterMeasuring: PlanMeasuring {
  public let batchSize: Int
  private let queue: any BatchQueue
  private let folder: SharedFolder
  private let sites: [Site]
  private let keep: @Sendable ([WindowScore], Plan) -> Void
  private let command: @Sendable (_ plan: String, _ windows: Range<Int>, _ out: String) -> [String]
  private let name: String
  private let pollSeconds: Double

  private static let attempts = 3

  /// - Parameters:
  ///   - batchSize: plans measured at once.
  ///   - folder: one that all machines see, of this search alone.
  ///   - identity: names the search, and so its jobs.
  ///   - keep: gets what was found, on this machine.
  ///   - command: the words of a command that measures a plan on windows and writes `WindowScoreFile`.
  public init(
    batchSize: Int, queue: any BatchQueue, folder: String, identity: String, sites: [Site],
    keep: @escaping @Sendable ([WindowScore], Plan) -> Void, pollSeconds: Double = 1,
    command: @escaping @Sendable (_ plan: String, _ windows: Range<Int>, _ out: String) -> [String]
  ) throws(ClusterError) {
    self.batchSize = batchSize
    self.queue = queue
    self.folder = try SharedFolder(folder)
    self.sites = sites
    self.keep = keep
    self.command = command
    self.pollSeconds = pollSeconds
    name = "vise-\(identity)"
  }

  /// - Throws: `ClusterError`, or `CancelledError` after the jobs were ended too.
  public func measure(
    _ orders: [MeasurementOrder], cancellation: CancellationFlag
  ) throws -> [[Double]] {
    let tasks = try orders.map(prepare)
    var attempts: [String: Int] = [:]
    while true {
      let active = queue.active(name: name)
      // Looked at after the queue was: a task that ends in between has written its scores.
      let scores = zip(tasks, orders).map { self.scores(of: $0, $1) }
      let missing = zip(tasks, scores).filter { $0.1 == nil }.map(\.0)
      if missing.isEmpty { return take(scores.compactMap { $0 }, orders) }
      if cancellation.isCancelled {
        queue.cancel(name: name)
        throw CancelledError()
      }
      if let active {
        let lost = missing.filter { task in
          folder.queued(task).map { !active.contains($0) } ?? true
        }
        try submit(lost, &attempts)
      }
      wait(cancellation)
    }
  }

  private func take(_ scores: [[WindowScore]], _ orders: [MeasurementOrder]) -> [[Double]] {
    zip(scores, orders).map { scores, order in
      keep(scores, order.plan)
      return scores.map(\.meanDivergence)
    }
  }

  /// Writes what a machine needs for the task, and names it.
  private func prepare(_ order: MeasurementOrder) throws(ClusterError) -> String {
    let plan = PlanFile.text(of: order.plan, sites: sites)
    var hash = WordHash()
    hash.combine("\(order.windows) \(plan)")
    let task = hash.hexadecimal
    try folder.write(plan, to: folder.planPath(task))
    let words = command(folder.planPath(task), order.windows, folder.scoresPath(task))
    try folder.write(
      "exec " + words.map(shellQuoted).joined(separator: " ") + "\n",
      to: folder.scriptPath(task))
    return task
  }

  private func scores(of task: String, _ order: MeasurementOrder) -> [WindowScore]? {
    let found = folder.read(folder.scoresPath(task)).flatMap(WindowScoreFile.scores)
    guard let found, found.map(\.window) == Array(order.windows) else { return nil }
    return found
  }

  private func submit(
    _ tasks: [String], _ attempts: inout [String: Int]
  ) throws(ClusterError) {
    guard !tasks.isEmpty else { return }
    for task in tasks {
      attempts[task, default: 0] += 1
      guard attempts[task, default: 0] <= Self.attempts else {
        throw .failed(task: task, attempts: Self.attempts, log: folder.lastWords(of: task))
      }
    }
    let cases = tasks.enumerated().map { index, task in
      "\(index)) exec /bin/sh \(shellQuoted(folder.scriptPath(task))) ;;"
    }
    let script = "\(folder.path)/array-\(getpid()).sh"
    try folder.write(
      (["#!/bin/sh", "case $SLURM_ARRAY_TASK_ID in"] + cases + ["esac", ""])
        .joined(separator: "\n"), to: script)
    let job = try queue.submit(
      script: script, count: tasks.count, name: name, log: folder.logPattern)
    for (index, task) in tasks.enumerated() {
      try folder.keep(QueuedTask(job: job, index: index), of: task)
    }
  }

  /// In short naps: Ctrl-C does not wait for the next look.
  private func wait(_ cancellation: CancellationFlag) {
    let end = ContinuousClock.now + .seconds(pollSeconds)
    while ContinuousClock.now < end, !cancellation.isCancelled { usleep(20_000) }
  }
}
