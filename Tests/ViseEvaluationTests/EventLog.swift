import Foundation
import Synchronization
import Testing
import ViseEstimates

/// Collects an engine's events and lets a test wait for one of them.
final class EventLog: Sendable {
  private let events = Mutex<[EngineEvent]>([])
  private let arrived = DispatchSemaphore(value: 0)
  /// Which only a hang reaches, on the slowest machine beside the other tests.
  private let deadlineSeconds = 900.0

  func post(_ event: EngineEvent) {
    events.withLock { $0.append(event) }
    arrived.signal()
  }

  var all: [EngineEvent] { events.withLock { $0 } }

  /// The first event `choose` maps to something, waiting for it if need be.
  func first<Value>(_ choose: (EngineEvent) -> Value?) throws -> Value {
    var seen = 0
    while true {
      let events = all
      for event in events[seen...] {
        if let value = choose(event) { return value }
      }
      seen = events.count
      try #require(
        arrived.wait(timeout: .now() + deadlineSeconds) == .success, "no such event among \(seen)")
    }
  }
}
