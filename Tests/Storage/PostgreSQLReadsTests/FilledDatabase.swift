import StoreSeam
import PostgreSQL
import PostgreSQLReads
import PostgreSQLSchema
import PostgreSQLServer
import StoreFixture
import Time

/// A database with jobs, made with SQL because that takes less time than deliveries.
final class FilledDatabase {
  let backend: PostgreSQLBackend
  let pool: ReaderPool
  let reader: PostgreSQLReader

  init(maxExamined: Int = 10_000) throws {
    backend = try PostgreSQLBackend()
    pool = try ReaderPool(
      to: ConnectionTarget(url: backend.database.url), named: "test reader", threads: 1,
      timeout: .seconds(30))
    reader = PostgreSQLReader(pool: pool, clock: DatabaseClock(), maxExamined: maxExamined)
  }

  deinit { pool.stop() }

  /// Inserts jobs 1 to `count`. Of each hundred one has failed, and one is running.
  ///
  /// The newer half is of another model. Every tenth was created here, with metadata.
  ///
  /// - Parameter body: the size of each body.
  func insertJobs(_ count: Int, body: Int = 10) throws {
    try backend.execute(
      """
      INSERT INTO jobs (number, prediction_id, id, ordered_at, phase, provider_status, snapshot_phase, model,
        is_verdict, updated_at, heard_at, polls, ended_unheard, attempt, revision, logs_size, output_size,
        digest, change, history_length, unsuccessful, body)
      SELECT n, 'p' || n, CASE WHEN n % 10 = 0 THEN 'j' || n END, CASE WHEN n % 10 = 0 THEN n END,
        phase, phase::bytea, phase, (CASE WHEN n <= \(count) / 2 THEN 'old' ELSE 'new' END)::bytea,
        false, n, n, 0, false, 1, 1, 0, 0, sha256('x'), n, 1, nullif(phase, 'succeeded'),
        convert_to(repeat('x', \(body)), 'UTF8')
      FROM (SELECT n, CASE n % 100 WHEN 1 THEN 'failed' ELSE 'succeeded' END AS phase
        FROM generate_series(1, \(count)) AS n) AS numbers;
      UPDATE jobs SET phase = 'running', snapshot_phase = 'running', provider_status = 'processing'
        WHERE number % 100 = 3;
      INSERT INTO changes (change, job) SELECT number, number FROM jobs;
      INSERT INTO open_jobs (job) SELECT number FROM jobs WHERE phase = 'running';
      INSERT INTO deliveries (job, position, webhook_id, source, is_repeat, digest, received_at,
        provider_status, outcome, phase, revision)
      SELECT number, 1, 'w' || number, 'webhook', false, sha256('x'), number, phase::bytea, 'applied', phase,
        1
        FROM jobs;
      INSERT INTO work (job, kind, key, due_at, tries) SELECT job, 'poll', '', job, 0 FROM open_jobs;
      INSERT INTO orders (job, digest, stage, tries, retries_left, cancel_requested, refusals, restored,
        request)
      SELECT number, sha256('x'), 'placed', 1, 0, false, 0, false, '{"input":{}}' FROM jobs
        WHERE id IS NOT NULL;
      INSERT INTO metadata (job, text) SELECT number, '{"tenant":"a"}' FROM jobs WHERE id IS NOT NULL;
      INSERT INTO metadata_members (job, key, value)
        SELECT number, 'tenant', convert_to('t' || number / 10 % 5, 'UTF8') FROM jobs WHERE id IS NOT NULL;
      INSERT INTO metadata_members (job, key, value)
        SELECT number, 'user', convert_to('u' || number, 'UTF8') FROM jobs WHERE id IS NOT NULL;
      """)
  }
}
