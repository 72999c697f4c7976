import Jobs
import Ledger
import StoreFixture
import Testing
import Time

/// Tables that capabilities declare.
@Suite(.everyStore) struct TableTests {
  private static let table = TableDeclaration(
    "samples", key: [.init("day", .integer), .init("name", .text)],
    columns: [
      .init("count", .integer), .init("sum", .integer), .init("note", .text, isOptional: true),
      .init("data", .bytes, isOptional: true),
    ])
  private static let sums = TableDeclaration(
    "sums", key: [.init("name", .text)], columns: [.init("count", .integer), .init("sum", .integer)])

  private struct Hook: TransactionHook {
    func writes(
      after transitions: [JobTransition], reading rows: HookRows
    ) throws(StorageError) -> HookWrites {
      var writes = HookWrites()
      for transition in transitions where transition.endsJob {
        let name = transition.after?.job.id ?? ""
        let known = try rows.count(of: TableTests.sums, prefix: [], limit: 9)
        writes.tables.append(
          .add(
            TableTests.sums, key: [.text(name)],
            amounts: [SumAmount("count", 1), SumAmount("sum", Int64(known))]))
        writes.work.append(
          .insert(
            WorkItem(WorkKey(WorkKind(rawValue: "test"), job: transition.number), dueAt: .distantFuture)))
      }
      return writes
    }
  }

  private func store() throws -> OrderedStore {
    try OrderedStore(tables: [Self.table, Self.sums], hooks: [Hook()])
  }

  private func put(_ day: Int64, _ name: String, _ count: Int64 = 0, note: String? = nil) -> TableWrite {
    .put(
      Self.table,
      [
        .integer(day), .text(name), .integer(count), .integer(0), note.map { .text($0) } ?? .null,
        .bytes([0, 255]),
      ])
  }

  private func names(_ query: TableQuery, _ store: OrderedStore) async throws -> [String?] {
    try await store.reader.rows(query).map { $0.text("name") }
  }

  @Test func `rows are put, replaced and deleted by their key`() async throws {
    let store = try store()
    try store.backend.write([put(1, "a", 7, note: "x\u{0}é"), put(1, "b", 8), put(2, "a", 9)])
    let row = try store.read { (rows) throws(StorageError) in
      try rows.row(of: Self.table, key: [.integer(1), .text("a")])
    }
    #expect(row?.integer("count") == 7 && row?.text("note") == "x\u{0}é" && row?.bytes("data") == [0, 255])
    #expect(row?["none"] == .null)
    // A column that is not given is empty again.
    try store.backend.write([
      put(1, "a", 3), .delete(Self.table, key: [.integer(1), .text("b")]),
      .delete(Self.table, key: [.integer(1), .text("none")]),
    ])
    let rows = try await store.reader.rows(TableQuery(Self.table, limit: 9))
    #expect(rows.map { $0.integer("count") } == [3, 9])
    #expect(rows[0]["note"] == .null)
  }

  @Test func `rows are read by prefix, bounds, order and limit`() async throws {
    let store = try store()
    try store.backend.write((1...4).flatMap { day in ["b", "a", "c"].map { put(day, "\(day)\($0)") } })
    var query = TableQuery(Self.table, limit: 100)
    query.bounds = 2...3
    #expect(try await names(query, store) == ["2a", "2b", "2c", "3a", "3b", "3c"])
    query.isDescending = true
    #expect(try await names(query, store) == ["3a", "3b", "3c", "2a", "2b", "2c"])
    query.limit = 4
    #expect(try await names(query, store) == ["3a", "3b", "3c", "2a"])
    query = TableQuery(Self.table, limit: 2)
    query.prefix = [.integer(4)]
    #expect(try await names(query, store) == ["4a", "4b"])
    query.prefix = [.integer(4), .text("4c")]
    #expect(try await names(query, store) == ["4c"])
    try store.read { (rows) throws(StorageError) in
      #expect(try rows.count(of: Self.table, prefix: [.integer(1)], limit: 100) == 3)
      #expect(try rows.count(of: Self.table, prefix: [], limit: 5) == 5)
      #expect(try rows.row(of: Self.table, key: [.integer(9), .text("a")]) == nil)
    }
  }

  /// A sum that overflows would fail every later commit.
  @Test(
    arguments: [
      ([5, 7], 12), ([5, -9], 0), ([-3], 0), ([-3, 4], 4), ([.max, .max], TableWrite.maxSum),
      ([.max], TableWrite.maxSum),
      ([.min, 1], 1), ([TableWrite.maxSum, -1], TableWrite.maxSum - 1),
    ] as [([Int64], Int64)])
  func `sums are clamped`(_ amounts: [Int64], _ expected: Int64) async throws {
    let store = try store()
    for amount in amounts {
      try store.backend.write([
        .add(
          Self.sums, key: [.text("a")],
          amounts: [SumAmount("sum", amount, isClamped: true), SumAmount("count", 2)])
      ])
    }
    let row = try #require(try await store.reader.rows(TableQuery(Self.sums, limit: 9)).first)
    #expect(row.integer("sum") == expected)
    #expect(row.integer("count") == 2 * Int64(amounts.count))
  }

  /// What a hook writes is of the same transaction.
  @Test func `a hook's rows and work are committed with the change`() async throws {
    let store = try store()
    try store.deliver("a", .running)
    #expect(try await store.reader.rows(TableQuery(Self.sums, limit: 9)).isEmpty)
    try store.deliver("b", .succeeded)
    try store.deliver("c", of: "p2", .failed)
    try store.reopen()
    let rows = try await store.reader.rows(TableQuery(Self.sums, limit: 9))
    #expect(rows.map { $0.text("name") } == ["p1", "p2"] && rows.map { $0.integer("sum") } == [0, 1])
    #expect(try store.work(WorkKind(rawValue: "test")).map(\.key.job) == [1, 2])
  }
}
