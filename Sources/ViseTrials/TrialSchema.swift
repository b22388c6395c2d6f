import GRDB

/// The tables of a trial store.
enum TrialSchema {
  /// Raised with every change of the tables that older programs cannot read.
  static let version = 1
  /// "Vise" in ASCII: tells our files from other databases.
  static let applicationID = 0x5669_7365

  /// True for an empty file, false for one of ours.
  ///
  /// - Throws: `TrialStoreError` for any other.
  static func check(_ database: Database, path: String) throws -> Bool {
    let identifier = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
    let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    let tables = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM sqlite_master") ?? 0
    if identifier == 0, found == 0, tables == 0 { return true }
    guard identifier == applicationID else { throw TrialStoreError.foreign(path: path) }
    guard found <= version else {
      throw TrialStoreError.newerSchema(path: path, version: found, known: version)
    }
    guard try database.tableExists("trial") else {
      throw TrialStoreError.damaged(path: path, reason: "its table is missing")
    }
    let fault = try String.fetchOne(database, sql: "PRAGMA quick_check(1)")
    if let fault, fault != "ok" { throw TrialStoreError.damaged(path: path, reason: fault) }
    return false
  }

  /// Whether the tables lack what programs of before did not have, and need not know of.
  static func isOld(_ database: Database) throws -> Bool {
    try !database.columns(in: "trial").contains { $0.name == "predicted_run" }
  }

  /// Adds what old tables lack, unless another process has by now.
  static func renew(_ database: Database) throws {
    guard try isOld(database) else { return }
    try database.execute(sql: "ALTER TABLE trial ADD COLUMN predicted_run REAL")
  }

  /// Makes the tables, unless another process has made them by now.
  static func create(_ database: Database) throws {
    guard try !database.tableExists("trial") else { return }
    try database.execute(
      sql: """
        CREATE TABLE trial (
          id INTEGER PRIMARY KEY,
          model TEXT NOT NULL,
          setting TEXT NOT NULL,
          plan_hash TEXT NOT NULL,
          text TEXT NOT NULL,
          code TEXT NOT NULL,
          plan TEXT NOT NULL,
          kl_mean REAL NOT NULL,
          kl_lower REAL,
          kl_upper REAL,
          kl_level REAL,
          perplexity_ratio TEXT,
          agreement TEXT,
          tokens INTEGER NOT NULL,
          probe TEXT,
          predicted_head REAL,
          predicted_instant REAL,
          predicted_run REAL,
          alone TEXT,
          origin TEXT NOT NULL,
          date REAL NOT NULL,
          UNIQUE (model, setting, plan_hash, text, code)
        );
        CREATE INDEX trial_by_probe ON trial (model, setting, probe, code, date);
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);
        """)
  }
}
