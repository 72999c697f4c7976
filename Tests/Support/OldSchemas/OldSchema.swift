/// The schemas that earlier releases wrote, with rows of every kind.
///
/// Frozen: this text never changes, because it stands for files that exist. A new schema adds its own.
package enum OldSchema: Int, CaseIterable, Sendable {
  case version1 = 1
  case version2 = 2
  case version3 = 3
  case version4 = 4

  /// The SQL that makes a file of this schema.
  package var sql: String {
    switch self {
    case .version1: Self.content1 + Self.header(1)
    case .version2: Self.content2 + Self.header(2)
    case .version3: Self.content3 + Self.header(3)
    case .version4: Self.content3 + Self.tables4 + Self.rows4 + Self.header(4)
    }
  }

  private static var content1: String { tables1 + rows1 }
  private static var content2: String { tables1 + tables2 + rows1 + rows2 }
  private static var content3: String { content2 + tables3 + rows3 }

  /// "RWHD" as a number, and the number of the schema.
  private static func header(_ version: Int) -> String {
    "PRAGMA application_id = 1381451844; PRAGMA user_version = \(version); PRAGMA journal_mode = WAL;"
  }

  private static let digest = "x'" + String(repeating: "01", count: 32) + "'"

  private static let tables1 = """
    CREATE TABLE jobs (
      number INTEGER PRIMARY KEY,
      prediction_id TEXT UNIQUE,
      id TEXT,
      ordered_at INTEGER,
      phase TEXT NOT NULL,
      provider_status TEXT,
      snapshot_phase TEXT,
      model TEXT,
      model_version TEXT,
      error_code TEXT,
      error_message TEXT,
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
      ended_unheard INTEGER NOT NULL,
      attempt INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      logs_size INTEGER NOT NULL,
      output_size INTEGER NOT NULL,
      digest BLOB,
      body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE deliveries (
      job INTEGER NOT NULL,
      position INTEGER NOT NULL,
      webhook_id TEXT,
      source TEXT NOT NULL,
      is_repeat INTEGER NOT NULL,
      digest BLOB NOT NULL,
      received_at INTEGER NOT NULL,
      provider_status TEXT NOT NULL,
      outcome TEXT NOT NULL,
      phase TEXT NOT NULL,
      revision INTEGER NOT NULL,
      PRIMARY KEY (job, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE orders (
      job INTEGER PRIMARY KEY,
      digest BLOB NOT NULL,
      idempotency_key TEXT,
      stage TEXT NOT NULL,
      due_at INTEGER,
      tries INTEGER NOT NULL,
      sent_at INTEGER,
      certain_at INTEGER,
      timeout INTEGER,
      retries_left INTEGER NOT NULL,
      cancel_requested INTEGER NOT NULL,
      request BLOB NOT NULL
    ) STRICT;
    CREATE TABLE attempts (
      prediction_id TEXT PRIMARY KEY,
      job INTEGER NOT NULL,
      error_code TEXT,
      error_message TEXT,
      ended_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE usage (
      day INTEGER NOT NULL,
      model TEXT NOT NULL,
      succeeded INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      canceled INTEGER NOT NULL,
      lost_webhooks INTEGER NOT NULL,
      predict_milliseconds INTEGER NOT NULL,
      queue_milliseconds INTEGER NOT NULL,
      run_milliseconds INTEGER NOT NULL,
      PRIMARY KEY (day, model)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE keys (
      name TEXT PRIMARY KEY,
      value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX deliveries_by_webhook_id ON deliveries (webhook_id)
      WHERE is_repeat = 0 AND webhook_id IS NOT NULL;
    CREATE INDEX jobs_by_model ON jobs (model);
    CREATE INDEX jobs_by_phase ON jobs (phase) WHERE phase <> 'succeeded';
    CREATE UNIQUE INDEX jobs_by_id ON jobs (id) WHERE id IS NOT NULL;
    CREATE INDEX jobs_by_due ON jobs (due_at) WHERE due_at IS NOT NULL;
    CREATE UNIQUE INDEX orders_by_key ON orders (idempotency_key) WHERE idempotency_key IS NOT NULL;
    CREATE INDEX orders_by_due ON orders (stage, due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX attempts_by_job ON attempts (job);
    """

  private static let tables2 = """
    ALTER TABLE orders ADD COLUMN reason TEXT;
    ALTER TABLE orders ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE refusals (
      job INTEGER NOT NULL,
      position INTEGER NOT NULL,
      error_code TEXT NOT NULL,
      error_message TEXT,
      ended_at INTEGER NOT NULL,
      PRIMARY KEY (job, position)
    ) STRICT, WITHOUT ROWID;
    """

  private static let tables3 = """
    ALTER TABLE jobs ADD COLUMN change INTEGER;
    CREATE TABLE changes (
      change INTEGER PRIMARY KEY,
      job INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE tombstones (
      change INTEGER PRIMARY KEY,
      id TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE tombstone_keys (
      digest BLOB PRIMARY KEY,
      change INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tombstone_keys_by_change ON tombstone_keys (change);
    CREATE TABLE work (
      job INTEGER NOT NULL,
      kind TEXT NOT NULL,
      key TEXT NOT NULL,
      due_at INTEGER NOT NULL,
      tries INTEGER NOT NULL,
      owner TEXT,
      lease_until INTEGER,
      PRIMARY KEY (job, kind, key)
    ) STRICT, WITHOUT ROWID;
    DROP INDEX jobs_by_due;
    DROP INDEX orders_by_due;
    CREATE INDEX work_by_due ON work (kind, due_at);
    """

  private static let tables4 = """
    ALTER TABLE jobs ADD COLUMN progress INTEGER;
    ALTER TABLE jobs ADD COLUMN predict_milliseconds INTEGER;
    ALTER TABLE orders ADD COLUMN start_before INTEGER;
    ALTER TABLE orders ADD COLUMN retry_of TEXT;
    CREATE TABLE metadata (
      job INTEGER PRIMARY KEY,
      text BLOB NOT NULL
    ) STRICT;
    CREATE TABLE metadata_members (
      job INTEGER NOT NULL,
      key TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (job, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX metadata_members_by_value ON metadata_members (key, value, job);
    """

  private static let rows1 = """
    INSERT INTO jobs VALUES
      -- a delivered job that has ended
      (1, 'p1', NULL, NULL, 'succeeded', 'succeeded', 'succeeded', 'owner/model', 'v1', NULL, NULL, 0,
        500, 600, 900, 1000, 1000, 1000, NULL, 0, NULL, 0, 1, 3, 3, 2, \(digest),
        CAST('{"id":"p1","status":"succeeded","output":"x"}' AS BLOB)),
      -- an end by the daemon's own rules, and one found by polling
      (2, 'p2', 'done', 400, 'failed', 'succeeded', 'succeeded', 'owner/model', 'v1', 'invalid_output',
        'no URL', 1, 500, 600, 900, 1000, 1000, 1000, NULL, 0, NULL, 0, 1, 2, 3, 2, \(digest),
        CAST('{"id":"p2","status":"succeeded"}' AS BLOB)),
      (3, 'p3', NULL, NULL, 'canceled', 'canceled', 'canceled', 'owner/model', 'v1', NULL, NULL, 0, 500,
        600, 900, 1000, 1000, 1000, NULL, 0, NULL, 1, 1, 1, 3, 2, \(digest),
        CAST('{"id":"p3","status":"canceled"}' AS BLOB)),
      -- open jobs: one to be polled, one stale, one with a status that the program did not know
      (4, 'p4', NULL, NULL, 'running', 'processing', 'running', 'owner/model', 'v1', NULL, NULL, 0, 500,
        600, NULL, 1000, 1000, 1000, 5000, 2, NULL, 0, 1, 1, 3, 2, \(digest),
        CAST('{"id":"p4","status":"processing"}' AS BLOB)),
      (5, 'p5', NULL, NULL, 'running', 'processing', 'running', 'owner/model', 'v1', NULL, NULL, 0, 500,
        600, NULL, 1000, 1000, 1000, NULL, 0, 4000, 0, 1, 1, 3, 2, \(digest),
        CAST('{"id":"p5","status":"processing"}' AS BLOB)),
      (6, 'p6', NULL, NULL, 'pending', 'hibernating', NULL, 'owner/model', 'v1', NULL, NULL, 0, 500, 600,
        NULL, 1000, 1000, 1000, 5500, 0, NULL, 0, 1, 1, 3, 2, \(digest),
        CAST('{"id":"p6","status":"hibernating"}' AS BLOB)),
      -- orders: waiting, in flight, lost, submitted, with a due cancel, and one more attempt
      (7, NULL, 'queued', 700, 'pending', NULL, NULL, 'owner/model', NULL, NULL, NULL, 0, NULL, NULL,
        NULL, 700, NULL, 700, NULL, 0, NULL, 0, 1, 0, 0, 0, NULL, CAST('' AS BLOB)),
      (8, NULL, 'sending', 800, 'pending', NULL, NULL, 'owner/model', NULL, NULL, NULL, 0, NULL, NULL,
        NULL, 800, NULL, 800, 906000, 0, NULL, 0, 1, 0, 0, 0, NULL, CAST('' AS BLOB)),
      (9, NULL, 'unanswered', 900, 'pending', NULL, NULL, 'owner/model', NULL, NULL, NULL, 0, NULL, NULL,
        NULL, 900, NULL, 900, 906500, 0, NULL, 0, 1, 0, 0, 0, NULL, CAST('' AS BLOB)),
      (10, 'p10', 'submitted', 1000, 'running', 'processing', 'running', 'owner/model', 'v1', NULL, NULL,
        0, 500, 600, NULL, 1000, 1000, 1000, 906700, 0, NULL, 0, 1, 1, 3, 2, \(digest),
        CAST('{"id":"p10","status":"processing"}' AS BLOB)),
      (11, 'p11', 'canceling', 1100, 'running', 'processing', 'running', 'owner/model', 'v1', NULL, NULL,
        0, 500, 600, NULL, 1000, 1000, 1000, 906800, 0, NULL, 0, 1, 1, 3, 2, \(digest),
        CAST('{"id":"p11","status":"processing"}' AS BLOB)),
      (12, 'p12b', 'retried', 1200, 'running', 'processing', 'running', 'owner/model', 'v1', NULL, NULL,
        0, 500, 600, NULL, 1000, 1000, 1000, 906900, 0, NULL, 0, 2, 4, 3, 2, \(digest),
        CAST('{"id":"p12b","status":"processing"}' AS BLOB)),
      -- a cancel request for a job that was not created here
      (20, 'p20', NULL, NULL, 'running', 'processing', 'running', 'owner/model', 'v1', NULL, NULL, 0, 500,
        600, NULL, 1000, 1000, 1000, 907000, 0, NULL, 0, 1, 1, 3, 2, \(digest),
        CAST('{"id":"p20","status":"processing"}' AS BLOB));
    INSERT INTO deliveries VALUES
      (1, 1, 'w1', 'webhook', 0, \(digest), 1000, 'starting', 'applied', 'pending', 1),
      (1, 2, 'w2', 'webhook', 0, \(digest), 1001, 'processing', 'applied', 'running', 2),
      (1, 3, 'w3', 'webhook', 0, \(digest), 1002, 'succeeded', 'applied', 'succeeded', 3),
      (1, 4, 'w3', 'webhook', 1, \(digest), 1003, 'succeeded', 'duplicate', 'succeeded', 3),
      (2, 1, NULL, 'answer', 0, \(digest), 1000, 'succeeded', 'applied', 'failed', 2),
      (3, 1, NULL, 'poll', 0, \(digest), 1000, 'canceled', 'applied', 'canceled', 1),
      (4, 1, 'w4', 'webhook', 0, \(digest), 1000, 'processing', 'applied', 'running', 1),
      (5, 1, 'w5', 'webhook', 0, \(digest), 1000, 'processing', 'applied', 'running', 1),
      (6, 1, 'w6', 'webhook', 0, \(digest), 1000, 'hibernating', 'unknown_status', 'pending', 1),
      (10, 1, NULL, 'answer', 0, \(digest), 1000, 'processing', 'applied', 'running', 1),
      (11, 1, NULL, 'answer', 0, \(digest), 1000, 'processing', 'applied', 'running', 1),
      (12, 1, NULL, 'list', 0, \(digest), 1000, 'processing', 'applied', 'running', 4),
      (20, 1, 'w20', 'webhook', 0, \(digest), 1000, 'processing', 'applied', 'running', 1);
    INSERT INTO orders (job, digest, idempotency_key, stage, due_at, tries, sent_at, certain_at, timeout,
      retries_left, cancel_requested, request)
    VALUES
      (2, \(digest), 'key-2', 'ended', NULL, 1, 450, NULL, NULL, 0, 0,
        CAST('{"model":"owner/model","input":{}}' AS BLOB)),
      (7, \(digest), 'key-7', 'queued', 7000, 0, NULL, NULL, 60000, 2, 0,
        CAST('{"model":"owner/model","input":{"a":7}}' AS BLOB)),
      (8, \(digest), NULL, 'sending', NULL, 1, 6000, NULL, NULL, 0, 0,
        CAST('{"model":"owner/model","input":{"a":8}}' AS BLOB)),
      (9, \(digest), NULL, 'unanswered', 8000, 1, 6500, 66500, NULL, 0, 0,
        CAST('{"model":"owner/model","input":{"a":9}}' AS BLOB)),
      (10, \(digest), NULL, 'placed', NULL, 1, 6700, NULL, NULL, 0, 0,
        CAST('{"model":"owner/model","input":{}}' AS BLOB)),
      (11, \(digest), NULL, 'placed', 9000, 1, 6800, NULL, NULL, 0, 1,
        CAST('{"model":"owner/model","input":{}}' AS BLOB)),
      (12, \(digest), NULL, 'placed', NULL, 1, 6900, NULL, NULL, 1, 0,
        CAST('{"model":"owner/model","input":{}}' AS BLOB)),
      (20, x'', NULL, 'placed', 9500, 0, NULL, NULL, NULL, 0, 1, x'');
    INSERT INTO attempts VALUES ('p12a', 12, 'E9825', 'interrupted', 6950);
    INSERT INTO usage VALUES (0, 'owner/model', 1, 1, 1, 1, 1234, 100, 300), (0, '', 5, 0, 0, 0, 0, 0, 0);
    INSERT INTO keys VALUES ('job_token',
      x'0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a');
    """

  private static let rows2 = """
    UPDATE orders SET reason = 'rate_limited', refusals = 1 WHERE job = 7;
    UPDATE orders SET restored = 1 WHERE job = 9;
    INSERT INTO refusals VALUES (7, 1, 'invalid_input', 'not yet', 6000);
    """
  /// Rows as a migration from the second version left them.
  private static let rows3 = """
    INSERT INTO changes (change, job) SELECT number, number FROM jobs;
    INSERT INTO keys VALUES ('epoch', x'0b0b0b0b0b0b');
    INSERT INTO work VALUES
      (4, 'poll', '', 5000, 0, NULL, NULL), (6, 'poll', '', 5500, 0, NULL, NULL),
      (7, 'create', '', 7000, 0, NULL, NULL), (8, 'create', '', 6000, 0, 'an earlier version', 6000),
      (8, 'poll', '', 906000, 0, NULL, NULL), (9, 'poll', '', 906500, 0, NULL, NULL),
      (9, 'search', '', 8000, 0, NULL, NULL), (10, 'poll', '', 906700, 0, NULL, NULL),
      (11, 'cancel', '', 9000, 0, NULL, NULL), (11, 'poll', '', 906800, 0, NULL, NULL),
      (12, 'poll', '', 906900, 0, NULL, NULL), (20, 'cancel', '', 9500, 0, NULL, NULL),
      (20, 'poll', '', 907000, 0, NULL, NULL);
    """
  /// Rows as a migration from the third version left them: a digest is that of the request's meaning.
  private static let rows4 = """
    UPDATE orders SET digest = x'8FE6E877F8FFAA28D82630864447D1F8BE7EE013BC9D1F54A5F60AC51B752149'
      WHERE job IN (2, 10, 11, 12);
    UPDATE orders SET digest = x'688D4671C2D0FB0C7707A491BBCF5D251D99905E8729420DA0FBF28D8A6DB4D9'
      WHERE job = 7;
    UPDATE orders SET digest = x'FAD4EBD3EFD35EF95F099593432B69D8BFA349F00BC6DE8A0C3A799018493BA9'
      WHERE job = 8;
    UPDATE orders SET digest = x'C902E9C7166831A59781DB25678BAA7529D8525457C5397341F99256F2866B0A'
      WHERE job = 9;
    UPDATE orders SET start_before = 5000, retry_of = 'p1' WHERE job = 2;
    UPDATE jobs SET progress = 5000 WHERE number = 4;
    UPDATE jobs SET predict_milliseconds = 1234 WHERE number = 1;
    INSERT INTO metadata VALUES (2, CAST('{"user":"2"}' AS BLOB));
    INSERT INTO metadata_members VALUES (2, 'user', '2');
    """
}
