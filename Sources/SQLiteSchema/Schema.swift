package import SQLite

/// The schema of a store.
package enum Schema {
  package static let migrations = Migrations(
    // "RWHD" as a number.
    applicationID: 0x5257_4844,
    steps: [
      Migration("jobs, deliveries and orders", version1), Migration("reasons of waiting orders", version2),
      // The number of the last change that the job's document shows.
      Migration(
        "work and change numbers", appending: [AppendedColumn("change", "INTEGER", to: "jobs")], version3),
      Migration(
        "metadata, progress and deadlines of orders",
        appending: [
          // In ten-thousandths. NULL without a progress bar, and once the job has succeeded: a list reads
          // NULL without the pages of the body before it. At 100 KB a value takes 9 ms for 50 rows.
          AppendedColumn("progress", "INTEGER", to: "jobs"),
          // The billed time. Lists do not read it.
          AppendedColumn("predict_milliseconds", "INTEGER", to: "jobs"),
          // Until when a queued order may be sent; NULL where it has no such deadline.
          AppendedColumn("start_before", "INTEGER", to: "orders"),
          // The id of the job that the order repeats.
          AppendedColumn("retry_of", "TEXT", to: "orders"),
        ], version4, fill: OrderMigration.fill),
      Migration("leases and budgets", version5),
    ])

  private static let version1 = """
    -- One row per job. `body` is the exact body of the current snapshot; it is the last column, so that lists
    -- do not read it.
    CREATE TABLE jobs (
      number INTEGER PRIMARY KEY,
      -- The prediction of the present attempt; NULL until it is known.
      prediction_id TEXT UNIQUE,
      -- The id and the time of a job created here; NULL for one that a delivery created.
      id TEXT,
      ordered_at INTEGER,
      phase TEXT NOT NULL,
      -- The provider's status; NULL until there is a snapshot.
      provider_status TEXT,
      -- The phase for that status; NULL where the program did not know the status.
      snapshot_phase TEXT,
      model TEXT,
      model_version TEXT,
      error_code TEXT,
      error_message TEXT,
      -- 1 where the error is the daemon's verdict, 0 where it is the provider's.
      is_verdict INTEGER NOT NULL,
      created_at INTEGER,
      started_at INTEGER,
      completed_at INTEGER,
      updated_at INTEGER NOT NULL,
      last_delivery_at INTEGER,
      heard_at INTEGER NOT NULL,
      due_at INTEGER,
      polls INTEGER NOT NULL,
      stale_at INTEGER,
      -- 1 where the end was found by polling, and no delivery has reported it since.
      ended_unheard INTEGER NOT NULL,
      attempt INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      logs_size INTEGER NOT NULL,
      output_size INTEGER NOT NULL,
      digest BLOB,
      body BLOB NOT NULL
    ) STRICT;

    -- One row per received snapshot, stored next to the others of its job, so that a history is one range.
    CREATE TABLE deliveries (
      job INTEGER NOT NULL,
      position INTEGER NOT NULL,
      -- NULL for a snapshot that a call of the daemon returned.
      webhook_id TEXT,
      source TEXT NOT NULL,
      -- 1 where an earlier row has the same webhook_id.
      is_repeat INTEGER NOT NULL,
      digest BLOB NOT NULL,
      received_at INTEGER NOT NULL,
      provider_status TEXT NOT NULL,
      outcome TEXT NOT NULL,
      -- The job after it.
      phase TEXT NOT NULL,
      revision INTEGER NOT NULL,
      PRIMARY KEY (job, position)
    ) STRICT, WITHOUT ROWID;

    -- One row per job created here, and per cancel request for another job.
    CREATE TABLE orders (
      job INTEGER PRIMARY KEY,
      -- The request's digest. Another request with the same id is a conflict.
      digest BLOB NOT NULL,
      idempotency_key TEXT,
      stage TEXT NOT NULL,
      -- When the next step is due; NULL where none is.
      due_at INTEGER,
      tries INTEGER NOT NULL,
      -- When the create call of the present attempt was last made.
      sent_at INTEGER,
      -- From when on absence from the provider's list proves that the prediction does not exist; NULL unless
      -- the call had no answer.
      certain_at INTEGER,
      -- The job's own timeout for staleness, in milliseconds.
      timeout INTEGER,
      retries_left INTEGER NOT NULL,
      cancel_requested INTEGER NOT NULL,
      request BLOB NOT NULL
    ) STRICT;

    -- The interrupted predictions of past attempts.
    CREATE TABLE attempts (
      prediction_id TEXT PRIMARY KEY,
      job INTEGER NOT NULL,
      error_code TEXT,
      error_message TEXT,
      ended_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- The daemon's own secrets, made once for each database.
    CREATE TABLE keys (
      name TEXT PRIMARY KEY,
      value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- The first delivery of every webhook id, which identifies redeliveries.
    CREATE UNIQUE INDEX deliveries_by_webhook_id ON deliveries (webhook_id)
      WHERE is_repeat = 0 AND webhook_id IS NOT NULL;
    CREATE INDEX jobs_by_model ON jobs (model);
    -- Nearly all jobs end as succeeded, and a scan finds those at once, so only the others are indexed.
    CREATE INDEX jobs_by_phase ON jobs (phase) WHERE phase <> 'succeeded';
    CREATE UNIQUE INDEX jobs_by_id ON jobs (id) WHERE id IS NOT NULL;
    CREATE INDEX jobs_by_due ON jobs (due_at) WHERE due_at IS NOT NULL;
    CREATE UNIQUE INDEX orders_by_key ON orders (idempotency_key) WHERE idempotency_key IS NOT NULL;
    CREATE INDEX orders_by_due ON orders (stage, due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX attempts_by_job ON attempts (job);
    """

  private static let version2 = """
    -- Why an order waits for its next call; NULL where nothing delays it.
    ALTER TABLE orders ADD COLUMN reason TEXT;
    -- How often the provider refused the present attempt.
    ALTER TABLE orders ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
    -- 1 where the order comes from a restored backup, which may lack calls made since.
    ALTER TABLE orders ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;

    -- Create calls that the provider refused.
    CREATE TABLE refusals (
      job INTEGER NOT NULL,
      position INTEGER NOT NULL,
      error_code TEXT NOT NULL,
      error_message TEXT,
      ended_at INTEGER NOT NULL,
      PRIMARY KEY (job, position)
    ) STRICT, WITHOUT ROWID;
    """

  /// Old rows keep NULL as their change number, which stands for the job's number: filling it in would
  /// rewrite every body.
  private static let version3 = """
    -- The jobs in the order of their last changes: the change feed.
    CREATE TABLE changes (
      change INTEGER PRIMARY KEY,
      job INTEGER NOT NULL
    ) STRICT;
    INSERT INTO changes (change, job)
      SELECT number, number FROM jobs INDEXED BY jobs_by_model ORDER BY number;

    -- Distinguishes this file from its copies, whose changes have the same numbers.
    INSERT INTO keys (name, value) VALUES ('epoch', x'');

    -- What the feed shows of deleted jobs.
    CREATE TABLE tombstones (
      change INTEGER PRIMARY KEY,
      id TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT;

    -- The digests of the prediction and webhook ids of jobs that an app has deleted: their deliveries are
    -- dropped.
    CREATE TABLE tombstone_keys (
      digest BLOB PRIMARY KEY,
      change INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tombstone_keys_by_change ON tombstone_keys (change);

    -- What waits to be done: calls of orders, checks of open jobs, and what capabilities add.
    CREATE TABLE work (
      job INTEGER NOT NULL,
      kind TEXT NOT NULL,
      -- Distinguishes a job's items of one kind.
      key TEXT NOT NULL,
      due_at INTEGER NOT NULL,
      tries INTEGER NOT NULL,
      -- The process that has claimed it, until its lease ends; NULL while none has.
      owner TEXT,
      lease_until INTEGER,
      PRIMARY KEY (job, kind, key)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO work (job, kind, key, due_at, tries)
      SELECT number, 'poll', '', due_at, 0 FROM jobs INDEXED BY jobs_by_due WHERE due_at IS NOT NULL;
    INSERT INTO work (job, kind, key, due_at, tries)
      SELECT job, CASE stage WHEN 'queued' THEN 'create' WHEN 'unanswered' THEN 'search' ELSE 'cancel' END,
        '', due_at, 0
      FROM orders INDEXED BY orders_by_due WHERE due_at IS NOT NULL;
    -- A call in flight belongs to a job that has not ended.
    INSERT INTO work (job, kind, key, due_at, tries, owner, lease_until)
      SELECT job, 'create', '', sent_at, 0, 'an earlier version', sent_at FROM orders
      WHERE stage = 'sending' AND job IN (
        SELECT number FROM jobs WHERE phase IN ('pending', 'running') AND phase <> 'succeeded');
    -- From here on, a due time is in `work`. That of a job is only a lower bound, that of an order unused.
    DROP INDEX jobs_by_due;
    DROP INDEX orders_by_due;
    CREATE INDEX work_by_due ON work (kind, due_at);
    """

  private static let version4 = """
    -- The exact text of a job's metadata. It is a table of its own, because in `orders` it would follow the
    -- request, whose pages a list must not read.
    CREATE TABLE metadata (
      job INTEGER PRIMARY KEY,
      text BLOB NOT NULL
    ) STRICT;

    -- The members of the metadata that lists are filtered by.
    CREATE TABLE metadata_members (
      job INTEGER NOT NULL,
      key TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (job, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX metadata_members_by_value ON metadata_members (key, value, job);
    """

  /// One process writes a file, so the rules leave both empty. Every store has the same rows.
  private static let version5 = """
    -- Duties of one process at a time, and who has them.
    CREATE TABLE leases (
      name TEXT PRIMARY KEY,
      owner TEXT NOT NULL,
      until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- Rate limits that all processes share.
    CREATE TABLE budgets (
      name TEXT PRIMARY KEY,
      tokens INTEGER NOT NULL,
      refilled_at INTEGER NOT NULL,
      paused_until INTEGER NOT NULL,
      -- NULL where it was never paused.
      pause_reason TEXT
    ) STRICT, WITHOUT ROWID;
    """
}
