import Synchronization
import ViseCompression
import ViseFormats
public import ViseTensor

/// The reference model's weights, decoded to float32 when first needed.
///
/// Keeps what fits into its budget and drops what was not used for longest; a weight in use
/// stays alive with its user, so memory may exceed the budget by one weight a worker.
public final class WeightStore: WeightSource {
  let model: Model
  let cache: MatrixCache<String>

  public init(model: Model, byteBudget: Int) {
    self.model = model
    cache = MatrixCache(byteBudget: byteBudget)
  }

  public func weight(_ key: String) throws -> Matrix {
    try cache.value(for: key) { try model.decodeWeight(key) }
  }

  /// Decodes only these rows where the table is not kept: it is the largest weight of many models.
  public func rows(of tokens: [Int32], in key: String) throws -> Matrix {
    guard !cache.contains(key), let record = model.checkpoint.record(named: key),
      record.shape.count == 2, (model.storages[key] ?? .plain) == .plain
    else {
      let table = try weight(key)
      return table.rows(at: try places(of: tokens, rows: table.rows))
    }
    let rows = try places(of: tokens, rows: record.shape[0])
    let result = Matrix(rows: rows.count, columns: record.shape[1])
    let bytes = model.checkpoint.slices(rows, of: record)
    do {
      try withExtendedLifetime(bytes) {
        try record.type.decode(
          $0.bytes, into: UnsafeMutableBufferPointer(start: result.pointer, count: result.count))
      }
    } catch {
      throw ModelError.undecodable(weight: key, type: record.type.name)
    }
    return result
  }

  /// Decodes all of `keys` that fit, on the pool's threads.
  public func prefetch(_ keys: [String], on pool: ComputePool, cancellation: CancellationFlag)
    throws
  {
    try pool.forEach(keys.count) { item, _ in
      try cancellation.check()
      if cache.hasRoom { _ = try weight(keys[item]) }
    }
  }
}

/// Matrices by key within a budget of bytes; the least recently used go first.
final class MatrixCache<Key: Hashable & Sendable>: Sendable {
  private struct Entry {
    let matrix: Matrix
    var lastUse: Int
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var byteCount = 0
    var clock = 0
  }

  private let byteBudget: Int
  private let state = Mutex(State())

  init(byteBudget: Int) {
    self.byteBudget = byteBudget
  }

  /// Bytes of all it holds.
  var byteCount: Int { state.withLock { $0.byteCount } }

  /// False once something would have to be dropped to keep more.
  var hasRoom: Bool { state.withLock { $0.byteCount < byteBudget } }

  /// The cached matrix, or the one `make` makes; several callers may make the same at once.
  func value(for key: Key, make: () throws -> Matrix) rethrows -> Matrix {
    if let found = find(key) { return found }
    let made = try make()
    insert(made, for: key)
    return made
  }

  func contains(_ key: Key) -> Bool { state.withLock { $0.entries[key] != nil } }

  private func find(_ key: Key) -> Matrix? {
    state.withLock { state in
      state.clock += 1
      state.entries[key]?.lastUse = state.clock
      return state.entries[key]?.matrix
    }
  }

  private func insert(_ matrix: Matrix, for key: Key) {
    state.withLock { state in
      guard state.entries[key] == nil, matrix.buffer.byteCount <= byteBudget else { return }
      while state.byteCount + matrix.buffer.byteCount > byteBudget,
        let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })
      {
        state.byteCount -= oldest.value.matrix.buffer.byteCount
        state.entries[oldest.key] = nil
      }
      state.clock += 1
      state.entries[key] = Entry(matrix: matrix, lastUse: state.clock)
      state.byteCount += matrix.buffer.byteCount
    }
  }
}
