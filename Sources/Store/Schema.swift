/// The tables, and the way from every earlier version to this one.
///
/// `user_version` counts the migrations that a file has had. They only go forward, each in a transaction of its own.
enum Schema {
  /// "RWHD" as a number: says whose file this is (https://www.sqlite.org/pragma.html#pragma_application_id).
  static let applicationID = 0x5257_4844

  static var version: Int { migrations.count }

  static let migrations = [version1]

  private static let version1 = """
    -- One row a job. `body` is the exact text of the snapshot that the job rests on; it is the last column, so that lists
    -- do not read it.
    CREATE TABLE jobs (
      number INTEGER PRIMARY KEY,
      prediction_id TEXT NOT NULL UNIQUE,
      phase TEXT NOT NULL,
      provider_status TEXT NOT NULL,
      -- 0 where the program did not know that word: the phase is then that of an earlier snapshot.
      knows_status INTEGER NOT NULL,
      model TEXT,
      model_version TEXT,
      error_code TEXT,
      error_message TEXT,
      created_at INTEGER,
      started_at INTEGER,
      completed_at INTEGER,
      updated_at INTEGER NOT NULL,
      last_delivery_at INTEGER NOT NULL,
      stale_at INTEGER,
      revision INTEGER NOT NULL,
      logs_size INTEGER NOT NULL,
      output_size INTEGER NOT NULL,
      digest BLOB NOT NULL,
      body BLOB NOT NULL
    ) STRICT;

    -- One row a delivery, stored next to the others of its job, so that a history is one range.
    CREATE TABLE deliveries (
      job INTEGER NOT NULL,
      position INTEGER NOT NULL,
      webhook_id TEXT NOT NULL,
      -- 1 where an earlier row has the same webhook_id.
      is_repeat INTEGER NOT NULL,
      digest BLOB NOT NULL,
      received_at INTEGER NOT NULL,
      provider_status TEXT NOT NULL,
      outcome TEXT NOT NULL,
      -- What the job was after it.
      phase TEXT NOT NULL,
      revision INTEGER NOT NULL,
      PRIMARY KEY (job, position)
    ) STRICT, WITHOUT ROWID;

    -- The first delivery of every id: what redeliveries are recognised by.
    CREATE UNIQUE INDEX deliveries_by_webhook_id ON deliveries (webhook_id) WHERE is_repeat = 0;
    CREATE INDEX jobs_by_model ON jobs (model);
    -- Nearly all jobs end as succeeded, and a scan finds those at once: only the others are worth an index.
    CREATE INDEX jobs_by_phase ON jobs (phase) WHERE phase <> 'succeeded';
    """

  /// Brings `connection`'s file to this version. A file of a later version, or of another program, is left alone.
  static func migrate(_ connection: Connection, to target: Int = version) throws(StoreError) {
    let found = try connection.integer("PRAGMA user_version")
    guard found <= target else { throw .newerSchema(found: found, known: target) }
    let owner = try connection.integer("PRAGMA application_id")
    let isEmpty = try connection.integer("SELECT count(*) FROM sqlite_schema") == 0
    guard owner == applicationID || owner == 0 && found == 0 && isEmpty else { throw .foreign }
    for number in found..<target {
      try connection.transaction { () throws(StoreError) in
        // Another process may have been faster since we looked.
        guard try connection.integer("PRAGMA user_version") == number else { return }
        try connection.execute(migrations[number])
        try connection.execute("PRAGMA application_id = \(applicationID)")
        try connection.execute("PRAGMA user_version = \(number + 1)")
      }
    }
  }

  /// Throws unless `connection`'s file is of this program and of this version.
  static func requireCurrent(_ connection: Connection) throws(StoreError) {
    let found = try connection.integer("PRAGMA user_version")
    guard found <= version else { throw .newerSchema(found: found, known: version) }
    guard try connection.integer("PRAGMA application_id") == applicationID else { throw .foreign }
    guard found == version else { throw .olderSchema(found: found, known: version) }
  }
}
