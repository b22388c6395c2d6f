import GRDB

/// Measured plans in an SQLite file that any number of processes add to.
///
/// Each trial is added in a transaction of its own: once `add` has returned, no crash takes it away.
/// Readers and one writer work at the same time (write-ahead log); writers wait for each other.
public final class TrialStore: Sendable {
  /// The database file.
  public let path: String
  private let queue: DatabaseQueue
  /// Held shared for as long as the store is open.
  private let lock: StoreLock?

  /// Seconds a writer waits for others.
  private static let patience = 10.0

  /// Opens the file at `path`, or makes it; its folder must exist.
  ///
  /// Where the file cannot be written it is opened for reading alone.
  public convenience init(path: String) throws(TrialStoreError) {
    try self.init(path: path, lock: nil)
  }

  init(path: String, lock: StoreLock?) throws(TrialStoreError) {
    self.path = path
    self.lock = lock
    do {
      queue = try Self.open(path, isReadOnly: false)
    } catch let error as DatabaseError where Self.isReadOnlyFault(error) {
      queue = try Self.typed(path) { try Self.open(path, isReadOnly: true) }
    } catch {
      throw Self.typed(error, path)
    }
  }

  deinit {
    try? queue.close()
  }

  /// Adds `trial` in place of an earlier one with its key.
  public func add(_ trial: Trial) throws(TrialStoreError) {
    try Self.typed(path) {
      try queue.write { database in
        try database.execute(sql: TrialRow.insertion, arguments: try TrialRow.arguments(trial))
      }
    }
  }

  /// The trial with this key.
  public func trial(_ key: TrialKey) throws(TrialStoreError) -> Trial? {
    try select(
      "model = ? AND setting = ? AND plan_hash = ? AND text = ? AND code = ?",
      [key.model, key.setting, key.plan, key.text, key.code], limit: 1
    ).first
  }

  /// The newest trials whose predictions were made on `probe`, oldest first.
  public func trials(
    model: String, setting: String, code: String, probe: String, limit: Int
  ) throws(TrialStoreError) -> [Trial] {
    try select(
      "model = ? AND setting = ? AND code = ? AND probe = ?", [model, setting, code, probe],
      limit: limit
    ).reversed()
  }

  /// The newest trials of `model` in one setting, newest first.
  public func trials(
    model: String, setting: String, code: String, limit: Int
  ) throws(TrialStoreError) -> [Trial] {
    try select("model = ? AND setting = ? AND code = ?", [model, setting, code], limit: limit)
  }

  /// The newest trials of `model`, newest first.
  public func trials(model: String, limit: Int) throws(TrialStoreError) -> [Trial] {
    try select("model = ?", [model], limit: limit)
  }

  /// Trials in the file.
  public func count() throws(TrialStoreError) -> Int {
    try Self.typed(path) {
      try queue.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM trial") ?? 0 }
    }
  }

  /// Newest first.
  private func select(
    _ condition: String, _ values: [String], limit: Int
  ) throws(TrialStoreError) -> [Trial] {
    try Self.typed(path) {
      try queue.read { database in
        try Row.fetchAll(
          database,
          sql: "SELECT * FROM trial WHERE \(condition) ORDER BY date DESC, id DESC LIMIT \(limit)",
          arguments: StatementArguments(values)
        ).map(TrialRow.trial)
      }
    }
  }

  private static func open(_ path: String, isReadOnly: Bool) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.busyMode = .timeout(patience)
    configuration.readonly = isReadOnly
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    do {
      // Nothing is written before the file is known to be ours and sound.
      let isEmpty = try queue.read { try TrialSchema.check($0, path: path) }
      guard !isReadOnly else { return queue }
      try queue.inDatabase { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
      if isEmpty {
        try queue.write(TrialSchema.create)
      } else if try queue.read(TrialSchema.isOld) {
        try queue.write(TrialSchema.renew)
      }
      return queue
    } catch {
      // Closed before anybody moves the file.
      try? queue.close()
      throw error
    }
  }

  private static func typed<Value>(
    _ path: String, _ body: () throws -> Value
  ) throws(TrialStoreError) -> Value {
    do {
      return try body()
    } catch {
      throw typed(error, path)
    }
  }

  private static func typed(_ error: any Error, _ path: String) -> TrialStoreError {
    switch error {
    case let error as TrialStoreError: return error
    case let error as DatabaseError:
      let reason = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
      switch error.resultCode {
      case .SQLITE_CORRUPT, .SQLITE_NOTADB: return .damaged(path: path, reason: reason)
      default: return .unavailable(path: path, reason: reason)
      }
    default: return .damaged(path: path, reason: "\(error)")
    }
  }

  private static func isReadOnlyFault(_ error: DatabaseError) -> Bool {
    [.SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM].contains(error.resultCode)
  }
}
