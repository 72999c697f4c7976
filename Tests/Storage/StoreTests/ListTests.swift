import Jobs
import Scratch
import Store
import Testing

@Suite struct ListTests {
  /// Forty jobs in all states and of two models.
  ///
  /// Job number n has the id "p<n>".
  private func filled() throws -> (TemporaryDatabase, StoreWriter) {
    let database = try TemporaryDatabase()
    let writer = try StoreWriter(path: database.path)
    let states: [(String, Phase?)] = [
      ("starting", .pending), ("processing", .running), ("succeeded", .succeeded), ("failed", .failed),
      ("canceled", .canceled),
    ]
    for number in 1...40 {
      let (status, phase) = states[number % 5]
      _ = try writer.commit([
        Sample.delivery(
          "w\(number)", of: "p\(number)", status, phase, model: number <= 20 ? "a/old" : "a/new")
      ])
    }
    return (database, writer)
  }

  private func ids(_ page: JobPage) -> [String] { page.jobs.map(\.id) }

  @Test func theNewestComeFirst() throws {
    let (database, _) = try filled()
    let page = try StoreReader(path: database.path).jobs(matching: JobFilter(), before: nil, limit: 3)
    #expect(ids(page) == ["p40", "p39", "p38"])
    #expect(page.next == 38)
  }

  /// Pages neither overlap nor skip jobs, although jobs are added between them.
  @Test(arguments: [1, 2, 7, 40, 100])
  func pagesAreCompleteWhileJobsAreAdded(_ limit: Int) throws {
    let (database, writer) = try filled()
    let reader = try StoreReader(path: database.path)
    var (seen, cursor): ([String], Int64?) = ([], nil)
    repeat {
      let page = try reader.jobs(matching: JobFilter(), before: cursor, limit: limit)
      seen += ids(page)
      cursor = page.next
      _ = try writer.commit([
        Sample.delivery("x\(seen.count)", of: "later\(seen.count)", "starting", .pending)
      ])
    } while cursor != nil
    #expect(seen == (1...40).reversed().map { "p\($0)" })
  }

  @Test(arguments: JobState.allCases)
  func statesAreFiltered(_ state: JobState) throws {
    let (database, _) = try filled()
    try SQLiteShell.run("UPDATE jobs SET stale_at = 5 WHERE prediction_id IN ('p5', 'p6')", on: database.path)
    let reader = try StoreReader(path: database.path)
    let page = try reader.jobs(matching: JobFilter(state: state), before: nil, limit: 100)
    #expect(page.jobs.allSatisfy { $0.state == state })
    let expected = [JobState.stale: 2, .pending: 7, .running: 7][state] ?? 8
    #expect(page.jobs.count == expected)
  }

  @Test func modelsAndStatesCombine() throws {
    let (database, _) = try filled()
    let reader = try StoreReader(path: database.path)
    let page = try reader.jobs(matching: JobFilter(state: .failed, model: "a/old"), before: nil, limit: 100)
    #expect(ids(page) == ["p18", "p13", "p8", "p3"])
    #expect(try reader.jobs(matching: JobFilter(model: "a/none"), before: nil, limit: 5).jobs.isEmpty)
  }

  /// Every query of the API uses an index.
  @Test(arguments: [
    (
      "SELECT job, digest FROM deliveries WHERE webhook_id = 'a' AND is_repeat = 0",
      "deliveries_by_webhook_id"
    ),
    ("SELECT * FROM jobs WHERE prediction_id = 'a'", "sqlite_autoindex_jobs_1"),
    (
      "SELECT number FROM jobs WHERE number < 9 AND model = 'a' ORDER BY number DESC LIMIT 5", "jobs_by_model"
    ),
    (
      "SELECT number FROM jobs WHERE number < 9 AND phase = 'failed' AND phase <> 'succeeded' "
        + "ORDER BY number DESC LIMIT 5",
      "jobs_by_phase"
    ),
    ("SELECT * FROM jobs WHERE number < 9 ORDER BY number DESC LIMIT 5", "INTEGER PRIMARY KEY"),
    ("SELECT * FROM jobs WHERE id = 'a'", "jobs_by_id"),
    (
      """
      SELECT number FROM jobs WHERE number < 9 AND phase IN ('pending', 'running') AND phase <> 'succeeded'
        AND stale_at IS NOT NULL
      """, "jobs_by_phase"
    ),
    ("SELECT number FROM jobs WHERE due_at <= 9 ORDER BY due_at LIMIT 5", "jobs_by_due"),
    ("SELECT min(due_at) FROM jobs WHERE due_at IS NOT NULL", "jobs_by_due"),
    ("UPDATE jobs SET due_at = 1 WHERE due_at > 9 AND prediction_id IS NOT NULL", "jobs_by_due"),
    (
      """
      UPDATE jobs SET due_at = 1 WHERE phase IN ('pending', 'running') AND phase <> 'succeeded'
        AND stale_at IS NOT NULL AND due_at IS NULL AND prediction_id IS NOT NULL
      """, "jobs_by_phase"
    ),
    ("SELECT * FROM orders WHERE stage = 'placed' AND due_at <= 9 ORDER BY due_at LIMIT 5", "orders_by_due"),
    ("SELECT min(due_at) FROM orders WHERE stage = 'queued' AND due_at IS NOT NULL", "orders_by_due"),
    (
      "SELECT min(due_at) FROM orders WHERE stage IN ('unanswered', 'placed') AND due_at IS NOT NULL",
      "orders_by_due"
    ),
    ("SELECT * FROM orders WHERE job = 1", "INTEGER PRIMARY KEY"),
    ("SELECT job FROM orders WHERE idempotency_key = 'a'", "orders_by_key"),
    ("SELECT job FROM attempts WHERE prediction_id = 'a'", "PRIMARY KEY"),
    ("DELETE FROM attempts WHERE job = 1", "attempts_by_job"),
    ("DELETE FROM deliveries WHERE job = 1", "PRIMARY KEY"),
    ("SELECT * FROM deliveries WHERE job = 1 AND position > 1 ORDER BY position LIMIT 5", "PRIMARY KEY"),
  ])
  func queriesUseAnIndex(_ sql: String, _ index: String) throws {
    let (database, _) = try filled()
    let program = try OtherProgram(database.path)
    let plan = try program.plan(of: sql)
    #expect(plan.contains(index) && plan.contains("SEARCH") && !plan.contains("TEMP B-TREE"), "\(plan)")
  }
}
