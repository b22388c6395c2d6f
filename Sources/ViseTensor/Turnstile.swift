import Glibc

/// Lets threads pass one place after the other in a fixed order, for each of several places.
///
/// Sums of floats depend on their order; threads that add to one sum in turn give the same bits
/// however many they are.
public final class Turnstile {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let turnTaken = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var next: [Int]
  private var isBroken = false

  /// - Parameter first: the turn each place starts with.
  public init(places: Int, first: Int) {
    next = [Int](repeating: first, count: places)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(turnTaken, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(turnTaken)
    mutex.deallocate()
    turnTaken.deallocate()
  }

  /// Waits until all turns of `place` before `turn` are over, runs `body`, and ends this one.
  ///
  /// Each turn must be taken at every place, in places' order, by threads that start turns in
  /// ascending order. What `body` throws breaks the turnstile.
  /// - Throws: `CancelledError` once it is broken.
  public func pass(_ place: Int, turn: Int, _ body: () throws -> Void) throws {
    try wait(place, turn)
    do {
      try body()
    } catch {
      breakDown()
      throw error
    }
    locked {
      next[place] = turn + 1
      pthread_cond_broadcast(turnTaken)
    }
  }

  /// Ends all waiting: a thread whose turn would have come will not take it.
  public func breakDown() {
    locked {
      isBroken = true
      pthread_cond_broadcast(turnTaken)
    }
  }

  private func wait(_ place: Int, _ turn: Int) throws {
    let broken = locked {
      while next[place] != turn, !isBroken { pthread_cond_wait(turnTaken, mutex) }
      return isBroken
    }
    if broken { throw CancelledError() }
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }
}

// SAFETY: `next` and `isBroken` are only touched while `mutex` is held.
extension Turnstile: @unchecked Sendable {}
