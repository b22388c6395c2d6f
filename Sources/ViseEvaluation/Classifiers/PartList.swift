import Synchronization

/// Results of items that end in any order, in the order of the items.
final class PartList<Part: Sendable>: Sendable {
  private let parts: Mutex<[Part?]>

  init(count: Int) {
    parts = Mutex([Part?](repeating: nil, count: count))
  }

  func set(_ index: Int, to part: Part) {
    parts.withLock { $0[index] = part }
  }

  /// Those that were set.
  var values: [Part] { parts.withLock { $0.compactMap { $0 } } }
}
