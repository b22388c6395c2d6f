import Glibc
import ViseEstimates

/// An engine's events with the time each came, for one thread that waits for them.
final class EventTimes {
  struct Entry {
    let event: EngineEvent
    let time: ContinuousClock.Instant
  }

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let arrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var waiting: [Entry] = []

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(arrived, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(arrived)
    mutex.deallocate()
    arrived.deallocate()
  }

  func post(_ event: EngineEvent) {
    let entry = Entry(event: event, time: .now)
    pthread_mutex_lock(mutex)
    waiting.append(entry)
    pthread_cond_signal(arrived)
    pthread_mutex_unlock(mutex)
  }

  /// The events since the last call, waiting for one; none after half a second without any.
  func next() -> [Entry] {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    var limit = timespec()
    clock_gettime(CLOCK_REALTIME, &limit)
    limit.tv_nsec += 500_000_000
    if limit.tv_nsec >= 1_000_000_000 {
      limit.tv_sec += 1
      limit.tv_nsec -= 1_000_000_000
    }
    while waiting.isEmpty {
      if pthread_cond_timedwait(arrived, mutex, &limit) == ETIMEDOUT { break }
    }
    defer { waiting = [] }
    return waiting
  }
}

// SAFETY: Stored state is only touched while `mutex` is held.
extension EventTimes: @unchecked Sendable {}
