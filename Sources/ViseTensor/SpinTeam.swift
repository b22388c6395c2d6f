import CViseKernels
import Glibc
import Synchronization

/// Threads that work on one thing together and meet every few microseconds.
///
/// All members run the same body and meet at barriers. Waiting spins for a few microseconds and
/// then sleeps, so that an idle team costs nothing. The calling thread is member 0.
public final class SpinTeam: Sendable {
  /// One thread's view of the work in hand.
  public struct Member {
    public let index: Int
    public let count: Int
    fileprivate let meeting: Meeting

    /// Returns when all members have come here.
    @inline(__always)
    public func meet() { meeting.arrive() }

    /// This member's share of `0..<total`: shares are contiguous and about equal.
    @inline(__always)
    public func share(of total: Int) -> Range<Int> {
      total * index / count..<total * (index + 1) / count
    }
  }

  private final class Job: Sendable {
    let starts = SpinSignal()
    let meeting: Meeting
    // SAFETY: Written by the caller before `starts` advances and read by members after it did; the
    // caller returns only after all have met at the end.
    nonisolated(unsafe) var body: (@Sendable (Member) -> Void)?

    init(count: Int) {
      meeting = Meeting(count: count)
    }
  }

  public let count: Int
  private let job: Job

  /// - Parameters:
  ///   - count: members, the calling thread included.
  ///   - niceness: how far the others give way.
  public init(count: Int, niceness: Int32 = 0) {
    precondition(count > 0)
    self.count = count
    let job = Job(count: count)
    self.job = job
    for index in 1..<max(count, 1) {
      DedicatedThread.start(niceness: niceness) { Self.serve(job, index, count) }
    }
  }

  deinit {
    job.body = nil
    job.starts.advance()
  }

  /// Runs `body` on all members and returns when the last has ended; one caller at a time.
  public func run(_ body: @escaping @Sendable (Member) -> Void) {
    job.body = body
    job.starts.advance()
    body(Member(index: 0, count: count, meeting: job.meeting))
    job.meeting.arrive()
  }

  /// A member's life: a team without a body has ended.
  private static func serve(_ job: Job, _ index: Int, _ count: Int) {
    var seen = 0
    while true {
      seen = job.starts.wait(past: seen)
      guard let body = job.body else { return }
      body(Member(index: index, count: count, meeting: job.meeting))
      job.meeting.arrive()
    }
  }
}

/// A barrier that can be used again and again.
private final class Meeting: Sendable {
  private let count: Int
  private let arrived = Atomic<Int>(0)
  private let rounds = SpinSignal()

  init(count: Int) {
    self.count = count
  }

  @inline(__always)
  func arrive() {
    guard count > 1 else { return }
    let round = rounds.current
    if arrived.add(1, ordering: .acquiringAndReleasing).newValue == count {
      arrived.store(0, ordering: .relaxed)
      rounds.advance()
    } else {
      _ = rounds.wait(past: round)
    }
  }
}

/// A number that grows, and a way to wait until it has.
private final class SpinSignal: Sendable {
  /// Pauses before sleeping: some tens of microseconds.
  private static let patience = 4000

  private let value = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  // SAFETY: The two are only used through the thread-safe functions of pthread.
  private nonisolated(unsafe) let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(
    capacity: 1)
  private nonisolated(unsafe) let grown = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(grown, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(grown)
    mutex.deallocate()
    grown.deallocate()
  }

  var current: Int { value.load(ordering: .acquiring) }

  func advance() {
    value.add(1, ordering: .sequentiallyConsistent)
    // A waiter counts itself before it looks at the value for the last time, so either it sees the
    // new value or it is seen here.
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(grown)
    pthread_mutex_unlock(mutex)
  }

  /// The value once it is more than `old`.
  func wait(past old: Int) -> Int {
    for _ in 0..<Self.patience {
      let now = value.load(ordering: .acquiring)
      if now > old { return now }
      vise_spin_pause()
    }
    sleepers.add(1, ordering: .sequentiallyConsistent)
    pthread_mutex_lock(mutex)
    while value.load(ordering: .sequentiallyConsistent) <= old { pthread_cond_wait(grown, mutex) }
    pthread_mutex_unlock(mutex)
    sleepers.subtract(1, ordering: .sequentiallyConsistent)
    return value.load(ordering: .acquiring)
  }
}
