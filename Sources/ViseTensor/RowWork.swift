/// Work over the rows of a matrix: on the threads of a pool, or on the calling thread alone.
public struct RowWork: Sendable {
  private let pool: ComputePool?
  public let cancellation: CancellationFlag

  /// - Parameter pool: `nil` keeps the work on the calling thread, as a pool's own workers must.
  public init(pool: ComputePool?, cancellation: CancellationFlag = CancellationFlag()) {
    self.pool = pool
    self.cancellation = cancellation
  }

  /// Numbers in a chunk: enough that handing it out costs nothing.
  private static let chunkLength = 65_536

  /// Calls `body` with ranges that cover `0..<rows` once, each of about 65,536 numbers.
  ///
  /// - Throws: what `body` throws, or `CancelledError`.
  public func forEachChunk(
    rows: Int, columns: Int, _ body: @Sendable (Range<Int>) throws -> Void
  ) throws {
    let chunk = max(1, Self.chunkLength / max(columns, 1))
    try forEachChunk(of: rows, length: chunk, body)
  }

  /// Calls `body` with ranges of `length` that cover `0..<count` once.
  public func forEachChunk(
    of count: Int, length: Int, _ body: @Sendable (Range<Int>) throws -> Void
  ) throws {
    let chunks = (count + length - 1) / length
    guard let pool, chunks > 1 else {
      for item in 0..<chunks { try run(item, count, length, body) }
      return
    }
    try pool.forEach(chunks) { item, _ in try run(item, count, length, body) }
  }

  private func run(
    _ item: Int, _ count: Int, _ length: Int, _ body: (Range<Int>) throws -> Void
  ) throws {
    try cancellation.check()
    try body(item * length..<min((item + 1) * length, count))
  }
}
