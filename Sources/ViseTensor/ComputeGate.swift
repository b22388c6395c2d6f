import Glibc

/// What the threads of a `ComputePool` wait at: hands out item numbers and collects the end.
final class Gate {
  private struct Round {
    var body: (@Sendable (Int, Int) throws -> Void)?
    var count = 0
    var next = 0
    var running = 0
    var failure: (any Error)?

    var isOver: Bool { running == 0 && next >= count }
  }

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let workArrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let roundOver = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let callers = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var round = Round()
  private var isClosed = false

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_mutex_init(callers, nil)
    pthread_cond_init(workArrived, nil)
    pthread_cond_init(roundOver, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_mutex_destroy(callers)
    pthread_cond_destroy(workArrived)
    pthread_cond_destroy(roundOver)
    mutex.deallocate()
    callers.deallocate()
    workArrived.deallocate()
    roundOver.deallocate()
  }

  /// Runs one round of work and returns when its last item has ended.
  func run(count: Int, threads: Int, body: @escaping @Sendable (Int, Int) throws -> Void) throws {
    pthread_mutex_lock(callers)
    defer { pthread_mutex_unlock(callers) }
    pthread_mutex_lock(mutex)
    round = Round(body: body, count: count)
    pthread_cond_broadcast(workArrived)
    while !round.isOver { pthread_cond_wait(roundOver, mutex) }
    let failure = round.failure
    round = Round()
    pthread_mutex_unlock(mutex)
    if let failure { throw failure }
  }

  /// The life of one thread: takes items until the gate is closed.
  func work(as worker: Int) {
    pthread_mutex_lock(mutex)
    while !isClosed {
      guard let body = round.body, round.next < round.count else {
        pthread_cond_wait(workArrived, mutex)
        continue
      }
      let item = round.next
      round.next += 1
      round.running += 1
      pthread_mutex_unlock(mutex)
      var failure: (any Error)?
      do { try body(item, worker) } catch { failure = error }
      pthread_mutex_lock(mutex)
      finishItem(failure)
    }
    pthread_mutex_unlock(mutex)
  }

  /// Ends the threads once they have finished what they run.
  func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_broadcast(workArrived)
    pthread_mutex_unlock(mutex)
  }

  private func finishItem(_ failure: (any Error)?) {
    round.running -= 1
    if let failure, round.failure == nil {
      round.failure = failure
      round.next = round.count
    }
    if round.isOver { pthread_cond_broadcast(roundOver) }
  }
}

// SAFETY: `round` is only touched while `mutex` is held.
extension Gate: @unchecked Sendable {}
