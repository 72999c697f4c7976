import CSQLite
import FaultyDisk
import JobRequests
import Jobs
@testable import Ledger
import StoreSeam
import Tables
import OldSchemas
import SQLite
import SQLiteStore
import Samples
import Scratch
import Testing
@testable import Time
import Work

/// Files of earlier schemas, opened by this version.
@Suite struct MigrationTests {
  /// A file as the release with that schema left it.
  private static func oldFile(_ schema: OldSchema) throws -> TemporaryDatabase {
    let database = try TemporaryDatabase()
    try execute(schema.sql, in: database.path)
    return database
  }

  /// The table that the old schemas made, as a capability declares it now.
  private static let usage = TableDeclaration(
    "usage", key: [.init("day", .integer), .init("model", .text)],
    columns: [
      "succeeded", "failed", "canceled", "lost_webhooks", "predict_milliseconds", "queue_milliseconds",
      "run_milliseconds",
    ].map { .init($0, .integer) })

  /// Opens a store with the daemon's tables, which migrates it.
  private static func open(_ path: String) throws(DatabaseError) -> SQLiteStore {
    try SQLiteStore(path: path, tables: [usage])
  }

  private static func ledger(_ store: SQLiteStore) -> Ledger { Ledger(store: store) }

  private static func time(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }
}

// MARK: - What a migrated store holds

extension MigrationTests {
  @Test(arguments: OldSchema.allCases)
  func `every due time becomes work`(_ schema: OldSchema) throws {
    let file = try Self.oldFile(schema)
    let store = try Self.open(file.path)
    let work = try SQLText.rows("SELECT job, kind, key, due_at, owner IS NOT NULL FROM work", in: file.path)
    #expect(
      work == [
        "4|poll||5000|0", "6|poll||5500|0", "7|create||7000|0", "8|create||6000|1", "8|poll||906000|0",
        "9|poll||906500|0", "9|search||8000|0", "10|poll||906700|0", "11|cancel||9000|0",
        "11|poll||906800|0", "12|poll||906900|0", "20|cancel||9500|0", "20|poll||907000|0",
      ])
    let reader = try SQLiteReader(path: file.path)
    // The lease of the call in flight has ended.
    #expect(
      try reader.nextDue()
        == NextDue(
          check: Self.time(5000), create: Self.time(6000), find: Self.time(8000), cancel: Self.time(9000)))
    #expect(try reader.queuedOrders(before: Self.time(9999), limit: 9) == 1)
    withExtendedLifetime(store) {}
  }

  @Test(arguments: OldSchema.allCases)
  func `every step is claimed as before, and a call in flight counts as unanswered`(
    _ schema: OldSchema
  ) throws {
    let file = try Self.oldFile(schema)
    let ledger = Self.ledger(try Self.open(file.path))
    let now = Self.time(10_000)
    let isRestored = try ledger.commit { (transaction) throws(StorageError) in
      try transaction.recoverOrders(at: now, absenceGracePeriod: 60_000)
    }
    #expect(!isRestored)
    let reader = try SQLiteReader(path: file.path)
    let sending = try #require(try reader.job("sending")?.order)
    #expect(sending.stage == .unanswered && sending.dueAt == now && sending.tries == 1)
    #expect(sending.absenceConclusiveAt == Self.time(66_000))
    let steps = try ledger.commit { (transaction) throws(StorageError) in
      try transaction.claimOrderSteps(at: now, creates: 9, cancels: 9, finds: 9, lease: 1000)
    }
    let claimed = steps.map { step in
      switch step.action {
      case .create: "create \(step.job.id) \(String(decoding: step.order.request, as: UTF8.self))"
      case .find: "find \(step.job.id)"
      case .cancel(let prediction): "cancel \(step.job.id) \(prediction)"
      }
    }
    #expect(
      claimed == [
        "cancel canceling p11", "cancel p20 p20", "find unanswered", "find sending",
        #"create queued {"model":"owner/model","input":{"a":7}}"#,
      ])
    let polls = try ledger.commit { (transaction) throws(StorageError) in
      try transaction.claimDuePolls(at: now, clockSetAt: nil, limit: 9) { 0 }
    }
    #expect(polls.polls.isEmpty && polls.stale.isEmpty)
    // Without a poll interval, a check only moves its job's due time.
    #expect(try reader.nextDue(.poll).map { now < $0 } == true)
  }

  /// The digest of an earlier version was that of the bytes.
  @Test(arguments: OldSchema.allCases)
  func `the request of an order is known by its meaning`(_ schema: OldSchema) throws {
    let file = try Self.oldFile(schema)
    let ledger = Self.ledger(try Self.open(file.path))
    func place(_ request: String) throws -> EnqueueResult {
      let body = Array(request.utf8)
      let digest = try #require(BodyDigest(bytes: RequestDigest().digest(of: body.span)))
      let order = Order(
        id: "queued", idempotencyKey: nil, digest: digest, request: body, model: nil,
        createdAt: Self.time(10_000), timeout: nil, retries: 0)
      return try ledger.commit { (transaction) throws(StorageError) in try transaction.enqueue(order) }
    }
    guard case .known = try place(#"{ "input": {"a": 7}, "model": "owner\/model" }"#),
      case .known = try place(#"{"model":"owner/model","input":{"a":7}}"#),
      case .conflict(isOfKey: false, Array(#"{"model":"owner/model","input":{"a":7}}"#.utf8)) =
        try place(#"{"model":"owner/model","input":{"a":8}}"#)
    else {
      Issue.record("taken for another request")
      return
    }
  }

  @Test(arguments: OldSchema.allCases)
  func `every job is in the feed under its number, and a change takes the next one`(
    _ schema: OldSchema
  ) throws {
    let file = try Self.oldFile(schema)
    let ledger = Self.ledger(try Self.open(file.path))
    let reader = try SQLiteReader(path: file.path)
    let ids = [
      "p1", "done", "p3", "p4", "p5", "p6", "queued", "sending", "unanswered", "submitted", "canceling",
      "retried", "p20",
    ]
    let numbers: [Int64] = Array(1...12) + [20]
    #expect(try reader.changes(after: 0, limit: 99).map(\.id) == ids)
    #expect(try reader.changes(after: 0, limit: 99).map(\.change) == numbers)
    #expect(try ids.map { try reader.job($0)?.change } == numbers)
    #expect(try reader.feedPosition().lastChange == 20 && reader.feedPosition().oldestChange == 0)
    #expect(try reader.feedPosition().epoch.count == 12)

    _ = try ledger.commit([Self.delivery("w99", of: "p4")])
    #expect(try reader.job("p4")?.change == 21)
    #expect(try reader.changes(after: 20, limit: 9).map(\.id) == ["p4"])
    #expect(try reader.changes(after: 0, limit: 99).count == ids.count)
    // A new job follows the last one.
    _ = try ledger.commit([Self.delivery("w100", of: "p-new")])
    #expect(try reader.job("p-new")?.number == 21)
    #expect(try reader.job("p-new")?.change == 22)
  }

  @Test(arguments: OldSchema.allCases)
  func `jobs, histories, attempts, lists and keys are as before`(_ schema: OldSchema) throws {
    let file = try Self.oldFile(schema)
    let ledger = Self.ledger(try Self.open(file.path))
    let reader = try SQLiteReader(path: file.path)
    let done = try #require(try reader.job("done"))
    #expect(done.job.state == .failed && done.job.error?.code == "invalid_output")
    #expect(done.order?.stage == .ended && done.number == 2)
    #expect(String(decoding: done.body, as: UTF8.self) == #"{"id":"p2","status":"succeeded"}"#)
    #expect(try reader.job("p2")?.number == 2)
    #expect(try reader.job("p5")?.job.state == .stale && reader.job("p3")?.job.endFoundByPolling == true)
    #expect(try reader.job("p6")?.job.snapshot?.phase == nil)
    let history = try #require(try reader.history(ofJob: "p1", after: 0, limit: 9))
    #expect(history.entries.map(\.webhookID) == ["w1", "w2", "w3", "w3"])
    #expect(history.counts == [.applied: 3, .duplicate: 1])
    #expect(try reader.job("retried")?.attempts.map(\.predictionID) == ["p12a"])
    let queued = try #require(try reader.job("queued"))
    #expect(queued.order?.timeout == 60_000 && queued.order?.retriesLeft == 2)
    #expect(queued.order?.reason == (schema == .version1 ? nil : .rateLimited))
    #expect(queued.attempts.map(\.error?.code) == (schema == .version1 ? [] : ["invalid_input"]))
    #expect(try reader.job("unanswered")?.order?.isRestored == (schema != .version1))
    let failed = try reader.jobs(matching: JobFilter(state: .failed), before: nil, limit: 9)
    #expect(failed.jobs.map(\.id) == ["done"])
    let page = try reader.jobs(matching: JobFilter(model: "owner/model"), before: nil, limit: 5)
    #expect(page.jobs.map(\.id) == ["p20", "retried", "canceling", "submitted", "unanswered"])
    #expect(page.next == 9)
    let token = try ledger.commit { (transaction) throws(StorageError) in
      try transaction.key("job_token", orStore: [1])
    }
    #expect(token == Array(repeating: 10, count: 32))
    // A repeated webhook id is recognised.
    #expect(try ledger.commit([Self.delivery("w3", of: "p1")]).map(\.outcome) == [.duplicate])
  }

  private static func delivery(_ webhookID: String, of prediction: String, _ phase: Phase = .running)
    -> Delivery
  {
    let status = phase == .running ? "processing" : phase.rawValue
    return Delivery(
      webhookID: webhookID, receivedAt: time(10_000),
      snapshot: Snapshot(
        predictionID: prediction, providerStatus: status, phase: phase, model: "owner/model",
        evidence: Evidence(logsSize: 10, outputSize: 2, digest: .repeating(1))), body: [])
  }
}

// MARK: - Metadata

extension MigrationTests {
  /// A request that an earlier release has accepted, when metadata had no members with limits.
  private static func request(_ metadata: String) -> String {
    #"{"model": "owner/model", "metadata": \#(metadata), "input": {}}"#
  }

  @Test(arguments: OldSchema.allCases.filter { $0.rawValue < 4 })
  func `metadata is cut from the stored requests, and its members are indexed`(
    _ schema: OldSchema
  ) throws {
    let file = try Self.oldFile(schema)
    let long = String(repeating: "x", count: 257)
    let many = "{" + (1...20).map { #""k\#($0)":\#($0)"# }.joined(separator: ",") + "}"
    let texts = [
      (7, #"{ "user": "\u0037\n", "n": 1.50, "on": true, "off": null, "in": {"a": 1}, "list": [] }"#),
      (8, #"{"long": "\#(long)", "user": "7"}"#), (9, many), (10, "{}"), (11, "null"),
    ]
    for (job, text) in texts {
      try execute(
        "UPDATE orders SET request = CAST('\(Self.request(text))' AS BLOB) WHERE job = \(job)", in: file.path)
    }
    _ = try Self.open(file.path)
    let stored = try SQLText.rows("SELECT job, CAST(text AS TEXT) FROM metadata ORDER BY job", in: file.path)
    #expect(stored == texts.dropLast().map { "\($0)|\($1)" })
    let members = try SQLText.rows(
      "SELECT job, key, value FROM metadata_members ORDER BY job, key", in: file.path)
    let others = (1...16).map { "k\($0)" }.sorted().map { "9|\($0)|\($0.dropFirst())" }
    #expect(members == ["7|n|1.50", "7|on|true", "7|user|7\n", "8|user|7"] + others)
    let page = try SQLiteReader(path: file.path).jobs(
      matching: JobFilter(metadata: [MetadataMember(key: "user", value: "7")]), before: nil, limit: 9)
    #expect(page.jobs.map(\.id) == ["sending"])
  }
}

// MARK: - The schema

extension MigrationTests {
  /// The tables with their columns, and the indexes with theirs.
  private static func schema(of path: String) throws -> [String] {
    try SQLText.rows(
      """
      SELECT s.type, s.name, s.tbl_name, c.name, c.type, c."notnull", c.pk, NULL
        FROM sqlite_schema s JOIN pragma_table_info(s.name) c WHERE s.type = 'table'
      UNION ALL SELECT s.type, s.name, s.tbl_name, c.name, c.desc, c.coll, c.seqno, s.sql
        FROM sqlite_schema s JOIN pragma_index_xinfo(s.name) c WHERE s.type = 'index'
      UNION ALL SELECT type, name, ncol, wr, strict, NULL, NULL, NULL FROM pragma_table_list
        WHERE schema = 'main'
      ORDER BY 1, 2, 3, 4
      """, in: path)
  }

  @Test(arguments: OldSchema.allCases)
  func `a migrated file has the schema of a new one`(_ schema: OldSchema) throws {
    let (old, fresh) = (try Self.oldFile(schema), try TemporaryDatabase())
    for path in [old.path, fresh.path] { _ = try Self.open(path) }
    let expected = try Self.schema(of: fresh.path)
    #expect(expected.contains { $0.contains("jobs|change|INTEGER") } && expected.count > 60)
    #expect(try Self.schema(of: old.path) == expected)
    #expect(try DurabilityCheck.integrityProblem(of: old.path) == nil)
    // SQLite accepts the text of the schema on a new connection, and keeps to its types.
    #expect(throws: SQLFailure.self) { try execute("UPDATE jobs SET change = 'x'", in: old.path) }
    try execute("UPDATE jobs SET change = 21 WHERE number = 1; VACUUM", in: old.path)
    #expect(try SQLiteReader(path: old.path).job("p1")?.change == 21)
  }

  @Test(arguments: OldSchema.allCases)
  func `each migration is named before it runs`(_ schema: OldSchema) throws {
    let (old, fresh) = (try Self.oldFile(schema), try TemporaryDatabase())
    var names: [String] = []
    _ = try SQLiteStore(path: old.path) { names.append($0) }
    let all = [
      "reasons of waiting orders", "work and change numbers", "metadata, progress and deadlines of orders",
      "leases and budgets",
    ]
    #expect(names == Array(all.dropFirst(schema.rawValue - 1)))
    names = []
    _ = try SQLiteStore(path: old.path) { names.append($0) }
    _ = try SQLiteStore(path: fresh.path) { names.append($0) }
    #expect(names == [])
  }

  @Test(arguments: OldSchema.allCases)
  func `a reader does not migrate`(_ schema: OldSchema) throws {
    let file = try Self.oldFile(schema)
    #expect(throws: DatabaseError.olderSchema(found: schema.rawValue, known: 5)) {
      try SQLiteReader(path: file.path)
    }
  }

  /// A page that is read as zeros looks like this. A new epoch would overwrite it.
  @Test func `a file without its epoch is damaged and unchanged`() throws {
    let file = try TemporaryDatabase()
    _ = try Self.open(file.path)
    try execute("DELETE FROM keys WHERE name = 'epoch'", in: file.path)
    let before = try StoreDump(of: file.path)
    #expect { try Self.open(file.path) } throws: { error in
      if case .corrupt = error as? DatabaseError { true } else { false }
    }
    #expect(try StoreDump(of: file.path) == before)
    #expect(try SQLText.rows("SELECT count(*) FROM keys", in: file.path) == ["0"])
  }

  @Test func `a file of a later schema is refused and unchanged`() throws {
    let file = try Self.oldFile(.version2)
    try execute("PRAGMA user_version = 6", in: file.path)
    let before = try StoreDump(of: file.path)
    #expect(throws: DatabaseError.newerSchema(found: 6, known: 5)) { try Self.open(file.path) }
    #expect(try StoreDump(of: file.path) == before)
  }
}

// MARK: - Kills and power cuts

extension MigrationTests {
  private static func files(_ schema: OldSchema) throws -> [String: [UInt8]] {
    let disk = try FaultyDisk()
    try execute(schema.sql, in: disk.path)
    return disk.files()
  }

  /// What an undisturbed migration makes of these files.
  private static func migrated(_ files: [String: [UInt8]]) throws -> StoreDump {
    let disk = try FaultyDisk(holding: files)
    _ = try open(disk.path)
    return try StoreDump(of: disk.path)
  }

  /// Each file is migrated completely or not at all, and the next start finishes it.
  private static func problem(with disk: FaultyDisk, expecting expected: StoreDump) throws -> String? {
    if let damage = try DurabilityCheck.integrityProblem(of: disk.path) { return damage }
    let version = try #require(
      try SQLText.rows("PRAGMA user_version", in: disk.path).first.flatMap { Int($0) })
    let tables = try SQLText.rows(
      "SELECT name FROM sqlite_schema WHERE name IN ('leases', 'metadata', 'work') ORDER BY name",
      in: disk.path)
    let expectedTables = [(5, "leases"), (4, "metadata"), (3, "work")].filter { $0.0 <= version }.map(\.1)
    guard tables == expectedTables else { return "schema \(version) with tables \(tables)" }
    _ = try open(disk.path)
    return try StoreDump(of: disk.path) == expected
      ? nil : "the rows differ, after a stop in schema \(version)"
  }

  @Test(arguments: OldSchema.allCases)
  func `a power cut at any write leaves the old schema or the new one`(_ schema: OldSchema) throws {
    let files = try Self.files(schema)
    let expected = try Self.migrated(files)
    let disk = try FaultyDisk(holding: files)
    _ = try Self.open(disk.path)
    let events = disk.record()
    #expect(events.count > 20)
    for cut in 0...events.count {
      var powerCut = PowerCut(seed: UInt64(cut), files: files)
      let restarted = try FaultyDisk(holding: powerCut.files(after: events[..<cut]))
      #expect(try Self.problem(with: restarted, expecting: expected) == nil, "cut at \(cut)")
    }
  }

  /// The process ends, or goes on, at any call that fails.
  @Test(arguments: OldSchema.allCases, [DiskCall.write, .sync, .truncate, .read])
  func `a migration that fails at any call is repeated by the next start`(
    _ schema: OldSchema, _ call: DiskCall
  ) throws {
    let files = try Self.files(schema)
    let expected = try Self.migrated(files)
    var fault = Fault(call: call, isPersistent: true, code: SQLITE_IOERR)
    while true {
      let disk = try FaultyDisk(holding: files)
      disk.arm(fault)
      _ = try? Self.open(disk.path)
      let killed = try FaultyDisk(holding: disk.files())
      guard disk.heal() > 0 else { break }
      #expect(try Self.problem(with: disk, expecting: expected) == nil, "\(fault)")
      #expect(try Self.problem(with: killed, expecting: expected) == nil, "a kill after \(fault)")
      fault.first += 1
    }
    #expect(fault.first > 1 || call == .truncate)
  }
}

/// All rows of a store, except its random epoch.
private struct StoreDump: Equatable {
  private let tables: [String: [String]]

  init(of path: String) throws {
    var tables: [String: [String]] = [:]
    for table in try SQLText.rows("SELECT name FROM sqlite_schema WHERE type = 'table'", in: path) {
      let filter = table == "keys" ? "WHERE name <> 'epoch'" : ""
      tables[table] = try SQLText.rows("SELECT * FROM \(table) \(filter)", in: path)
    }
    self.tables = tables
  }
}

/// The rows of a query, as texts.
private enum SQLText {
  static func rows(_ sql: String, in path: String) throws -> [String] {
    var handle: OpaquePointer?
    defer { sqlite3_close_v2(handle) }
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    try #require(sqlite3_open(path, &handle) == SQLITE_OK)
    try #require(
      sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK,
      "\(String(cString: sqlite3_errmsg(handle)))")
    var rows: [String] = []
    while sqlite3_step(statement) == SQLITE_ROW {
      rows.append(
        (0..<sqlite3_column_count(statement)).map { column in
          sqlite3_column_text(statement, column).map { String(cString: $0) } ?? ""
        }.joined(separator: "|"))
    }
    return rows
  }
}
