import Jobs
import StoreSeam
import PostgreSQL
import PostgreSQLServer
import StoreFixture
import Tables
import Testing

@testable import PostgreSQLReads

/// Each query of the API finds its rows through an index, among 100,000 jobs.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct QueryPlanTests {
  /// How the planner chooses, which differs in what it knows.
  enum Knowledge: String, CaseIterable {
    /// The table was filled after its last analysis, which found it empty.
    case nothing
    case statistics
    /// A plan that is cached for all parameters.
    case statisticsWithoutParameters
  }

  private static let lists: [(filter: JobFilter, index: String)] = [
    (JobFilter(), "jobs_pkey"), (JobFilter(state: .succeeded), "jobs_pkey"),
    (JobFilter(state: .failed), "jobs_unsuccessful"), (JobFilter(state: .canceled), "jobs_unsuccessful"),
    (JobFilter(state: .pending), "open_jobs_pkey"), (JobFilter(state: .running), "open_jobs_pkey"),
    (JobFilter(state: .stale), "open_jobs_pkey"), (JobFilter(model: "old"), "jobs_by_model"),
    (JobFilter(state: .failed, model: "old"), "jobs_unsuccessful"),
    (JobFilter(state: .succeeded, model: "none"), "jobs_by_model"),
    (JobFilter(metadata: [member("tenant", "t1")]), "metadata_members_by_value"),
    (
      JobFilter(state: .failed, model: "a", metadata: [member("tenant", "t1"), member("user", "u1")]),
      "metadata_members_by_value"
    ),
    (JobFilter(ids: ["p500", "j70", "none"]), "jobs_by_id"),
    (JobFilter(state: .running, ids: ["p500", "j70"]), "jobs_prediction_id_key"),
  ]

  /// The same, where times have become numbers.
  private static var boundedLists: [(filter: JobFilter, index: String)] {
    lists.map { list in
      var filter = list.filter
      filter.minNumber = 40_000
      return (filter, list.index)
    }
  }

  private static func member(_ key: String, _ value: String) -> MetadataMember {
    MetadataMember(key: key, value: value)
  }

  @Test(arguments: Knowledge.allCases) func queriesUseAnIndex(_ knowledge: Knowledge) throws {
    let database = try FilledDatabase()
    if knowledge == .nothing { try database.backend.execute("ANALYZE") }
    try database.insertJobs(100_000)
    if knowledge != .nothing { try database.backend.execute("ANALYZE") }
    let plans = Plans(database.backend, isGeneric: knowledge == .statisticsWithoutParameters)

    let all: JobParts = [.input, .output, .metrics]
    for (filter, index) in Self.lists + Self.boundedLists {
      for parts in [JobParts(), all] {
        let page = JobList.page(filter, filter.driver, 90_000, 200, parts, 10_000)
        try plans.expect(page, uses: index, sorts: filter.ids != nil)
        let slice = FeedQueries.slice(after: 50_000, limit: 200, filter, parts)
        try plans.expect(slice, uses: "changes_pkey", sorts: false)
      }
      let floor = JobList.floor(filter, filter.driver, 90_000, 10_000)
      try plans.expect(floor, uses: index, sorts: filter.ids != nil)
    }
    try plans.expect(
      (
        JobList.members,
        [.bytes(Array("tenant".utf8)), .bytes([]), .integer(0), .integer(500), .integer(0), .integer(9)]
      ), uses: "metadata_members_by_value", sorts: false)
    try plans.expect((FeedQueries.position, []), uses: "changes_pkey", sorts: false)
    try plans.expect((FeedQueries.state, []), uses: "changes_pkey", sorts: false)
    try plans.expect(
      (FeedQueries.changed, [.integer(5), .integer(1000)]), uses: "changes_pkey", sorts: false)
    for query in [JobQueries.job, JobQueries.order, JobQueries.outcomes] {
      try plans.expect((query, [.text("p5")]), uses: "jobs_by_id", sorts: nil)
    }
    try plans.expect((JobQueries.attempts, [.text("p5")]), uses: "attempts_by_job", sorts: nil)
    try plans.expect(
      (JobQueries.history, [.text("p5"), .integer(0), .integer(9)]), uses: "deliveries_pkey", sorts: nil)
    try plans.expect(
      (WorkQueries.nextDue, [.texts(["poll"]), .integer(0)]), uses: "work_claimed", sorts: nil)
    try plans.expect(
      (WorkQueries.queuedBefore, [.integer(5), .integer(9)]), uses: "work_by_due", sorts: nil)
    try plans.expect((WorkQueries.openOrders, []), uses: "work_by_due", sorts: nil)
    try plans.expect((WorkQueries.newestUpdate, []), uses: "jobs_pkey", sorts: false)
    for index in ["jobs_pkey", "deliveries_pkey"] {
      try plans.expect((JobList.firstNumber, [.integer(5)]), uses: index, sorts: false)
    }
  }
}

/// The plans of a database's queries, with the settings of a read.
private struct Plans {
  private let backend: PostgreSQLBackend
  private let isGeneric: Bool

  init(_ backend: PostgreSQLBackend, isGeneric: Bool) {
    self.backend = backend
    self.isGeneric = isGeneric
  }

  /// - Parameter sorts: whether rows are sorted; nil where it does not matter.
  func expect(_ statement: JobList.Statement, uses index: String, sorts: Bool?) throws {
    let plan = try plan(of: statement)
    #expect(plan.contains(index), "\(statement.query.sql)\n\(plan)")
    #expect(!plan.contains("Seq Scan"), "\(statement.query.sql)\n\(plan)")
    // A page may be sorted, but not what is searched through.
    let lines = plan.split(separator: "\n").map { $0.drop { $0 == " " || $0 == "-" || $0 == ">" } }
    let keys = zip(lines, lines.dropFirst()).filter { $0.0.contains("Sort  (") }.map(\.1)
    let isSorted = keys.contains { !$0.contains("measured.") && !$0.contains("found.") }
    if let sorts { #expect(isSorted == sorts, "\(statement.query.sql)\n\(plan)") }
    // Found by their numbers, one after the other. Only the members of one job are joined otherwise.
    let joins = zip(lines, lines.dropFirst()).filter {
      $0.0.contains("Hash Join") || $0.0.contains("Merge Join")
    }
    #expect(joins.allSatisfy { $0.1.contains("member.key = wanted.key") }, "\(plan)")
  }

  private func plan(of statement: JobList.Statement) throws -> String {
    let types =
      statement.parameters.isEmpty ? "" : "(\(statement.parameters.map(\.type).joined(separator: ", ")))"
    let values =
      statement.parameters.isEmpty ? "" : "(\(statement.parameters.map(\.literal).joined(separator: ", ")))"
    try backend.execute(
      """
      SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off;
      SET plan_cache_mode = \(isGeneric ? "force_generic_plan" : "force_custom_plan");
      DEALLOCATE ALL; PREPARE examined \(types) AS \(statement.query.sql)
      """)
    let rows = try backend.run("EXPLAIN EXECUTE examined \(values)")
    return (0..<rows.count).compactMap { rows.text($0, 0) }.joined(separator: "\n")
  }
}

extension Parameter {
  fileprivate var type: String {
    switch self {
    case .null, .text: "text"
    case .integer: "bigint"
    case .bytes: "bytea"
    case .boolean: "boolean"
    case .integers: "bigint[]"
    case .texts: "text[]"
    case .byteArrays: "bytea[]"
    case .booleans: "boolean[]"
    }
  }

  fileprivate var literal: String {
    switch self {
    case .null: "NULL"
    case .integer(let value): "\(value)"
    case .text(let value): "'\(value)'"
    case .bytes(let value): Self.literal(value)
    case .boolean(let value): "\(value)"
    case .integers(let values): "ARRAY[\(values.map { "\($0 ?? 0)" }.joined(separator: ","))]::bigint[]"
    case .texts(let values): "ARRAY[\(values.map { "'\($0 ?? "")'" }.joined(separator: ","))]::text[]"
    case .byteArrays(let values):
      "ARRAY[\(values.map { Self.literal($0 ?? []) }.joined(separator: ","))]::bytea[]"
    case .booleans(let values): "ARRAY[\(values.map { "\($0 ?? false)" }.joined(separator: ","))]::boolean[]"
    }
  }

  private static func literal(_ bytes: [UInt8]) -> String {
    "'\\x" + bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "'::bytea"
  }
}
