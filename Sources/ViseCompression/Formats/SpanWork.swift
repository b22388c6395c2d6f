import ViseTensor

extension RowWork {
  /// body(row) for each row, in their order.
  func map<Result: Sendable>(
    rows: Int, _ body: @Sendable (Int) throws -> Result
  ) throws -> [Result] {
    let results = RowResults<Result>(count: rows)
    try forEachChunk(of: rows, length: 1) { range in
      for row in range { results.set(row, try body(row)) }
    }
    return results.all
  }
}

/// Results of rows; each is written by one thread, and read after all have ended.
private final class RowResults<Result: Sendable> {
  private let storage: UnsafeMutableBufferPointer<Result?>

  init(count: Int) {
    storage = .allocate(capacity: count)
    storage.initialize(repeating: nil)
  }

  deinit {
    storage.deinitialize()
    storage.deallocate()
  }

  func set(_ row: Int, _ result: Result) { storage[row] = result }

  var all: [Result] { storage.compactMap { $0 } }
}

// SAFETY: Threads write different elements, and nothing is read before all have ended.
extension RowResults: @unchecked Sendable {}

/// Calls `body` with the part of `values` that `range` names, or with `nil` where there are none.
func withSlice<Result>(
  of values: [Float]?, _ range: Range<Int>, _ body: (UnsafeBufferPointer<Float>?) -> Result
) -> Result {
  guard let values else { return body(nil) }
  return values.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
}

extension UnsafeBufferPointer<Float> {
  /// Calls `body` with each run of values that `importance`, repeated over them, covers once.
  func forEachPeriod(
    of importance: UnsafeBufferPointer<Float>?, _ body: (UnsafeBufferPointer<Float>) -> Void
  ) {
    guard let importance, !importance.isEmpty else { return body(self) }
    for start in stride(from: 0, to: count, by: importance.count) {
      body(UnsafeBufferPointer(rebasing: self[start..<Swift.min(start + importance.count, count)]))
    }
  }
}

extension Matrix {
  /// Calls `body` with all values in one run, and with one number a column where there are any.
  func withAllValues<Result>(
    importance: [Float]?,
    _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>?) -> Result
  ) -> Result {
    withExtendedLifetime(self) {
      let all = UnsafeBufferPointer(start: pointer, count: count)
      guard let importance else { return body(all, nil) }
      return importance.withUnsafeBufferPointer { body(all, $0) }
    }
  }
}
