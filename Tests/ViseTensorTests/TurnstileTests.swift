import Synchronization
import Testing
import ViseTensor

private struct Broken: Error {}

@Test(arguments: [1, 2, 5])
func turnsAreTakenInOrderAtEveryPlace(threads: Int) throws {
  let pool = ComputePool(threadCount: threads)
  let turnstile = Turnstile(places: 3, first: 10)
  let seen = Mutex<[[Int]]>([[], [], []])
  try pool.forEach(40) { item, _ in
    for place in 0..<3 {
      try turnstile.pass(place, turn: 10 + item) { seen.withLock { $0[place].append(item) } }
    }
  }
  #expect(seen.withLock { $0 } == [[Int]](repeating: Array(0..<40), count: 3))
}

@Test func aFailedTurnEndsTheWaitOfAllOthers() {
  let pool = ComputePool(threadCount: 3)
  let turnstile = Turnstile(places: 2, first: 0)
  let passed = Mutex(0)
  #expect(throws: (any Error).self) {
    try pool.forEach(20) { item, _ in
      for place in 0..<2 {
        try turnstile.pass(place, turn: item) {
          if item == 4, place == 1 { throw Broken() }
          passed.withLock { $0 += 1 }
        }
      }
    }
  }
  // Four whole items and the first place of the fifth; others may have passed the first place.
  let count = passed.withLock { $0 }
  #expect(count >= 9 && count <= 9 + 3)
  #expect(throws: CancelledError.self) { try turnstile.pass(0, turn: 99) {} }
}
