import Glibc

/// Threads of our own for heavy work, so that it never runs on Swift's cooperative pool.
///
/// One caller at a time hands out work; the calling thread only waits. With `niceness` the threads
/// give way to whatever else the machine does.
public final class ComputePool: Sendable {
  public let threadCount: Int
  /// How far the threads give way.
  public let niceness: Int32
  private let gate: Gate

  public init(threadCount: Int = ComputePool.coreCount, niceness: Int32 = 0) {
    precondition(threadCount > 0)
    self.threadCount = threadCount
    self.niceness = niceness
    let gate = Gate()
    self.gate = gate
    for worker in 0..<threadCount {
      DedicatedThread.start(niceness: niceness) { gate.work(as: worker) }
    }
  }

  deinit {
    gate.close()
  }

  /// Processors that are online.
  public static var coreCount: Int {
    max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }

  /// Calls `body(item, worker)` once for each item of `0..<count`, on the pool's threads.
  ///
  /// Items start in ascending order; `worker` is below `threadCount`, and two calls with the same
  /// worker never overlap, so it may index scratch memory. The first error thrown is thrown here,
  /// after all that had started have ended; items not started by then are not run.
  public func forEach(
    _ count: Int, _ body: @Sendable (_ item: Int, _ worker: Int) throws -> Void
  ) throws {
    guard count > 0 else { return }
    try withoutActuallyEscaping(body) { body in
      try gate.run(count: count, threads: threadCount, body: body)
    }
  }
}
