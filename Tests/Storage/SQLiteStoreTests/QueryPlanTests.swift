import Jobs
import StoreSeam
import SQLite
import StoreFixture
import Testing

@testable import SQLiteStore

@Suite struct QueryPlanTests {
  private let backend: SQLiteBackend
  private let store: OrderedStore

  init() throws {
    backend = try SQLiteBackend()
    store = try OrderedStore(on: backend)
    for number in 1...40 {
      let phases = Phase.allCases
      try store.deliver("w\(number)", of: "p\(number)", phases[number % phases.count])
    }
  }

  private func expectPlan(of sql: String, uses index: String) throws {
    let plan = try OtherProgram(backend.path).plan(of: sql)
    #expect(plan.contains(index) && plan.contains("SEARCH") && !plan.contains("TEMP B-TREE"), "\(plan)")
    // The rows of a subquery are those that it has found.
    #expect(!plan.replacing(/SCAN \(subquery/, with: "").contains("SCAN"), "\(plan)")
  }

  /// Every query of the API and of the rules uses an index.
  @Test(arguments: [
    (
      "SELECT job, digest FROM deliveries WHERE webhook_id = 'a' AND is_repeat = 0",
      "deliveries_by_webhook_id"
    ),
    ("SELECT * FROM jobs WHERE prediction_id = 'a'", "sqlite_autoindex_jobs_1"),
    ("SELECT * FROM jobs WHERE id = 'a'", "jobs_by_id"),
    (
      "SELECT due_at FROM work WHERE kind = 'poll' AND due_at <= 9 ORDER BY due_at, job LIMIT 5",
      "work_by_due"
    ),
    ("SELECT due_at FROM work WHERE kind = 'poll' ORDER BY due_at LIMIT 1", "work_by_due"),
    ("SELECT * FROM work WHERE kind = 'poll' AND due_at > 9", "work_by_due"),
    ("SELECT * FROM work WHERE kind = 'create' AND owner IS NOT NULL", "work_by_due"),
    ("SELECT count(*) FROM work WHERE kind = 'create' AND owner IS NULL", "work_by_due"),
    ("UPDATE work SET due_at = 1 WHERE kind = 'poll' AND due_at > 9", "work_by_due"),
    ("DELETE FROM work WHERE job = 1", "PRIMARY KEY"),
    ("SELECT change, job FROM changes WHERE change > 5 ORDER BY change LIMIT 5", "INTEGER PRIMARY KEY"),
    ("DELETE FROM tombstone_keys WHERE change = 5", "tombstone_keys_by_change"),
    ("SELECT * FROM orders WHERE job = 1", "INTEGER PRIMARY KEY"),
    ("SELECT job FROM orders WHERE idempotency_key = 'a'", "orders_by_key"),
    ("SELECT job FROM attempts WHERE prediction_id = 'a'", "PRIMARY KEY"),
    ("DELETE FROM attempts WHERE job = 1", "attempts_by_job"),
    ("DELETE FROM deliveries WHERE job = 1", "PRIMARY KEY"),
    ("DELETE FROM metadata WHERE job = 1", "INTEGER PRIMARY KEY"),
    ("DELETE FROM metadata_members WHERE job = 1", "PRIMARY KEY"),
    ("SELECT * FROM deliveries WHERE job = 1 AND position > 1 ORDER BY position LIMIT 5", "PRIMARY KEY"),
  ])
  func queriesUseAnIndex(_ sql: String, _ index: String) throws {
    try expectPlan(of: sql, uses: index)
  }

  @Test(arguments: [
    (JobFilter(), "INTEGER PRIMARY KEY"), (JobFilter(model: "a"), "jobs_by_model"),
    (JobFilter(state: .failed), "jobs_by_phase"), (JobFilter(state: .canceled), "jobs_by_phase"),
    (JobFilter(state: .pending), "jobs_by_phase"), (JobFilter(state: .running), "jobs_by_phase"),
    (JobFilter(state: .succeeded), "INTEGER PRIMARY KEY"),
    (JobFilter(metadata: members(1)), "driver USING COVERING INDEX metadata_members_by_value"),
    (JobFilter(model: "a", metadata: members(16)), "driver USING COVERING INDEX metadata_members_by_value"),
    (JobFilter(state: .failed, metadata: members(2)), "metadata_members USING PRIMARY KEY"),
    (JobFilter(ids: ["a", "b"]), "jobs_by_id"),
    (JobFilter(ids: ["a", "b"]), "sqlite_autoindex_jobs_1"),
  ])
  func listsUseAnIndex(_ filter: JobFilter, _ index: String) throws {
    try expectPlan(of: filter.sql([], try #require(filter.drivers.first)), uses: index)
  }

  /// Each way to search for a page, and for where the search ends.
  @Test(arguments: [
    JobFilter(), JobFilter(state: .succeeded, model: "a"), JobFilter(state: .stale, model: "a"),
    JobFilter(state: .failed, model: "a", metadata: members(2)), JobFilter(state: .running, minNumber: 7),
  ])
  func `each driver of a list uses its index`(_ filter: JobFilter) throws {
    for driver in filter.drivers {
      let index =
        switch driver {
        case .all: "jobs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
        case .phase: "jobs_by_phase (phase=? AND rowid>? AND rowid<?)"
        case .open: "jobs_by_phase (phase=?"
        case .model: "jobs_by_model (model=? AND rowid>? AND rowid<?)"
        case .member: "metadata_members_by_value (key=? AND value=? AND job>? AND job<?)"
        case .ids: "jobs_by_id"
        }
      try expectPlan(of: filter.sql([], driver), uses: index)
      try expectPlan(of: JobFilter.floorSQL(driver), uses: index)
    }
    try expectPlan(of: SQLiteReader.recordedAtOrAfter, uses: "jobs USING INTEGER PRIMARY KEY (rowid>?)")
  }

  private static func members(_ count: Int) -> [MetadataMember] {
    (0..<count).map { MetadataMember(key: "k\($0)", value: "v") }
  }

  /// The parts that a list includes, and what else it reads of a job, are found by the job's number.
  @Test func `rows of a list are found by their numbers`() throws {
    let parts: JobParts = [.input, .output, .metrics]
    let filters = [
      JobFilter(), JobFilter(state: .failed), JobFilter(metadata: Self.members(3)),
      JobFilter(state: .running, model: "a", metadata: Self.members(2), ids: ["a"]),
    ]
    for filter in filters {
      for sql in filter.drivers.map({ filter.sql(parts, $0) }) + [filter.sqlOfOne(parts)] {
        let plan = try OtherProgram(backend.path).plan(of: sql)
        #expect(!plan.contains("SCAN") && plan.contains("metadata USING INTEGER PRIMARY KEY"), "\(plan)")
        #expect(plan.contains("orders USING INTEGER PRIMARY KEY"), "\(plan)")
      }
    }
    try expectPlan(of: filters[0].sqlOfOne([]), uses: "jobs USING INTEGER PRIMARY KEY")
    try expectPlan(of: JobRow.selectMembers, uses: "COVERING INDEX metadata_members_by_value")
  }
}
