import Jobs
import Ledger
import StoreSeam
import Tables
import StoreFixture
import Testing
import Time
import Work

/// Tables that capabilities declare.
@Suite(.everyStore) struct TableTests {
  private static let table = TableDeclaration(
    "samples", key: [.init("day", .integer), .init("name", .text)],
    columns: [
      .init("count", .integer), .init("sum", .integer), .init("note", .text, isOptional: true),
      .init("data", .bytes, isOptional: true),
    ])
  private static let sums = TableDeclaration(
    "sums", key: [.init("name", .text)], columns: [.init("count", .integer), .init("sum", .integer)],
    isSummed: true)

  private static let byCount = TableDeclaration.Index("items_by_count", on: ["count"])
  private static let items = TableDeclaration(
    "items", key: [.init("day", .integer), .init("name", .text)], columns: [.init("count", .integer)],
    indexes: [byCount])

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

  @Test func `rows are read by a list of values, beside all else`() async throws {
    let store = try store()
    try store.backend.write((1...4).flatMap { day in ["b", "a"].map { put(day, "\(day)\($0)") } })
    var query = TableQuery(Self.table, limit: 100)
    query.among = [4, 2, 99, 2]
    #expect(try await names(query, store) == ["2a", "2b", "4a", "4b"])
    query.isDescending = true
    query.limit = 3
    #expect(try await names(query, store) == ["4a", "4b", "2a"])
    query = TableQuery(Self.table, limit: 100)
    (query.among, query.bounds, query.after) = ([1, 2, 3, .max], 2...3, [.integer(2), .text("2a")])
    #expect(try await names(query, store) == ["2b", "3a", "3b"])
    query = TableQuery(Self.table, limit: 100)
    query.among = Array(2...Int64(TableQuery.maxAmong + 1))
    #expect(try await names(query, store).count == 6)
  }

  private func put(_ day: Int64, _ name: String, count: Int64) -> TableWrite {
    .put(Self.items, [.integer(day), .text(name), .integer(count)])
  }

  /// Every page size, so that a page ends at each row.
  @Test(arguments: [1, 2, 3, 4, 9], [false, true])
  func `pages follow the key, or an index and then the key`(_ limit: Int, _ isReversed: Bool) async throws {
    let store = try OrderedStore(tables: [Self.items])
    let rows: [(Int64, String, Int64)] = [(1, "a", 5), (1, "b", 2), (2, "a", 2), (2, "b", 2), (3, "a", 1)]
    try store.backend.write(rows.shuffled().map { put($0.0, $0.1, count: $0.2) })
    func pages(_ query: TableQuery, after cursor: (TableRow) -> [RowValue]) async throws -> [String] {
      var (query, names) = (query, [String]())
      query.isReversed = isReversed
      while true {
        let page = try await store.reader.rows(query)
        #expect(page.count <= limit)
        names += page.map { "\($0.integer("day"))\($0.text("name") ?? "")" }
        guard page.count == limit, let last = page.last else { return isReversed ? names.reversed() : names }
        query.after = cursor(last)
      }
    }
    let key = { (row: TableRow) in [row["day"], row["name"]] }
    var query = TableQuery(Self.items, limit: limit)
    #expect(try await pages(query, after: key) == ["1a", "1b", "2a", "2b", "3a"])
    query.index = Self.byCount
    #expect(try await pages(query) { [$0["count"]] + key($0) } == ["3a", "1b", "2a", "2b", "1a"])
    query.prefix = [.integer(2)]
    #expect(try await pages(query, after: key) == ["1b", "2a", "2b"])
  }

  @Test func `an index follows changes of its rows, and has bounds`() async throws {
    let store = try OrderedStore(tables: [Self.items])
    try store.backend.write([put(1, "a", count: 5), put(2, "a", count: 6), put(3, "a", count: 7)])
    try store.backend.write([put(3, "a", count: 1), .delete(Self.items, key: [.integer(2)])])
    var query = TableQuery(Self.items, limit: 9)
    query.index = Self.byCount
    #expect(try await store.reader.rows(query).map { $0.integer("day") } == [3, 1])
    query.bounds = 2...5
    #expect(try await store.reader.rows(query).map { $0.integer("day") } == [1])
  }

  @Test func `the first key columns alone delete all rows that have them`() async throws {
    let store = try OrderedStore(tables: [Self.items])
    try store.backend.write([put(1, "a", count: 5), put(1, "b", count: 6), put(2, "a", count: 7)])
    try store.backend.write([.delete(Self.items, key: [.integer(1)])])
    #expect(try await store.reader.rows(TableQuery(Self.items, limit: 9)).map { $0.integer("day") } == [2])
  }

  /// Commands of one batch are as commands of several.
  @Test func `a command sees the rows that earlier ones of its transaction have written`() throws {
    let store = try OrderedStore(tables: [Self.items])
    let key = [RowValue.integer(1), .text("a")]
    try store.commit { (transaction) throws(StorageError) in
      #expect(try transaction.row(of: Self.items, key: key) == nil)
      transaction.put(key + [.integer(4)], in: Self.items)
      #expect(try transaction.row(of: Self.items, key: key)?.integer("count") == 4)
      transaction.deleteRow(of: Self.items, key: key)
      #expect(try transaction.row(of: Self.items, key: key) == nil)
      transaction.put(key + [.integer(5)], in: Self.items)
    }
    let row = try store.read { (rows) throws(StorageError) in try rows.row(of: Self.items, key: key) }
    #expect(row?.integer("count") == 5)
  }

  @Test func `a job's work of a kind is found as the transaction has left it`() async throws {
    let (kind, other) = (WorkKind(rawValue: "test"), WorkKind(rawValue: "other"))
    let store = try OrderedStore()
    try store.deliver("a", .running)
    let number = try await store.number("p1")
    let keys = ["1", "2"].map { WorkKey(kind, job: number, key: $0) }
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in
      for key in keys { transaction.write(.insert(WorkItem(key, dueAt: now))) }
      transaction.write(.insert(WorkItem(WorkKey(other, job: number), dueAt: now)))
    }
    #expect(try store.read { (rows) throws(StorageError) in try rows.work(ofJob: number).count } == 4)
    try store.commit { (transaction) throws(StorageError) in
      #expect(try transaction.work(ofJob: number, of: [kind]).map(\.key.key).sorted() == ["1", "2"])
      transaction.write(.delete(keys[0]))
      var claim = WorkItem(keys[1], dueAt: now)
      claim.claim(by: transaction.owner, until: now.advanced(byMilliseconds: 1))
      transaction.write(.update(claim))
      #expect(try transaction.work(ofJob: number, of: [kind]) == [claim])
      #expect(try transaction.abandonedWork(kind, at: now.advanced(byMilliseconds: 1)) == [claim])
      #expect(try transaction.dueWork(kind, at: now, limit: 9).isEmpty)
      #expect(try transaction.laterWork(kind, after: now) == [claim])
      #expect(try transaction.dueWork(other, at: now, limit: 9).count == 1)
    }
    #expect(try store.work(kind).map(\.key.key) == ["2"])
  }

  @Test func `work of a retaining kind keeps an ended job from being pruned`() async throws {
    let kind = WorkKind(rawValue: "test")
    let store = try OrderedStore(retainingKinds: [kind])
    try store.deliver("a", .succeeded)
    try store.deliver("b", of: "p2", .succeeded)
    let (now, key) = (store.now, WorkKey(kind, job: try await store.number("p1")))
    try store.commit { (transaction) throws(StorageError) in
      transaction.write(.insert(WorkItem(key, dueAt: now)))
    }
    store.advance(OrderedStore.aWhile)
    let later = store.now
    func prune() throws -> Int {
      try store.commit { (transaction) throws(StorageError) in
        try transaction.prune(endedBefore: later, at: later, after: 0, count: 9).deleted
      }
    }
    #expect(try prune() == 1)
    #expect(try await store.ids() == ["p1"])
    try store.commit { (transaction) throws(StorageError) in transaction.write(.delete(key)) }
    #expect(try prune() == 1)
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
    let numbers = [try await store.number("p1"), try await store.number("p2")]
    #expect(try store.work(WorkKind(rawValue: "test")).map(\.key.job) == numbers)
  }
}
