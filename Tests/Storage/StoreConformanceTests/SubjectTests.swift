import Jobs
import Ledger
import StoreFixture
import StoreSeam
import Tables
import Testing
import Time
import Work

/// Work, rows and events of what is no job: its number is negative.
@Suite(.everyStore) struct SubjectTests {
  private static let kind = WorkKind(rawValue: "test")
  private static let number = Announcement.number(of: "chain", madeAt: Timestamp(milliseconds: 1))
  private static let rows = TableDeclaration(
    "subject_rows", key: [.init("job", .integer), .init("n", .integer)], columns: [.init("value", .integer)])
  private static let targets = TableDeclaration(
    "subject_targets", key: [.init("job", .integer)], columns: [.init("value", .integer)])

  private static func item(
    _ key: String, of number: Int64 = number, dueAt moment: Int64 = 0
  ) -> WorkItem {
    WorkItem(WorkKey(kind, job: number, key: key), dueAt: Timestamp(milliseconds: moment))
  }

  @Test func `numbers of subjects are negative, and differ by id and time`() {
    let moments = (0..<100).map { Timestamp(milliseconds: $0) }
    let numbers = ["a", "b", "a 1"].flatMap { id in
      moments.map { Announcement.number(of: id, madeAt: $0) }
    }
    #expect(numbers.allSatisfy { $0 < 0 } && Set(numbers).count == numbers.count)
    #expect(Announcement.number(of: "a", madeAt: moments[7]) == numbers[7])
  }

  @Test func `work of a subject is claimed among that of jobs, in the order of its due times`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    let job = try await store.number("p1")
    let items = [
      Self.item("1", dueAt: 10), Self.item("2", of: job, dueAt: 20), Self.item("3", dueAt: 30),
      Self.item("4", of: Self.number - 1, dueAt: 40), Self.item("5", dueAt: 5_000_000),
    ]
    try store.commit { (transaction) throws(StorageError) in
      for item in items { transaction.write(.insert(item)) }
    }
    let (now, leaseEnd) = (store.now, store.now.advanced(byMilliseconds: 60_000))
    let claims = try store.commit { (transaction) throws(StorageError) in
      try transaction.dueWork(Self.kind, at: now, limit: 3).map { item in
        var claim = item
        claim.claim(by: transaction.owner, until: leaseEnd)
        transaction.write(.update(claim))
        return claim
      }
    }
    #expect(claims.map(\.key) == items.prefix(3).map(\.key))
    try store.commit { (transaction) throws(StorageError) in
      #expect(try transaction.dueWork(Self.kind, at: now, limit: 9).map(\.key.key) == ["4"])
      let own = try transaction.work(ofJob: Self.number, of: [Self.kind]).sorted { $0.key.key < $1.key.key }
      #expect(own == [claims[0], claims[2], items[4]])
      #expect(try transaction.laterWork(Self.kind, after: leaseEnd).map(\.key.key) == ["5"])
      #expect(try transaction.abandonedWork(Self.kind, at: leaseEnd).count == 3)
    }
    // The lease ends, and each is due again.
    let expired = try store.commit { (transaction) throws(StorageError) in
      try transaction.dueWork(Self.kind, at: leaseEnd, limit: 9)
    }
    #expect(expired.map(\.key.key).sorted() == ["1", "2", "3", "4"])
    #expect(expired.filter { $0.owner != nil }.map(\.tries) == [1, 1, 1])
  }

  @Test func `a deleted item of a subject is gone, and others stay`() throws {
    let store = try OrderedStore()
    try store.commit { (transaction) throws(StorageError) in
      for key in ["1", "2"] { transaction.write(.insert(Self.item(key))) }
    }
    try store.commit { (transaction) throws(StorageError) in
      for item in try transaction.work(ofJob: Self.number, of: [Self.kind]) where item.key.key == "1" {
        transaction.write(.delete(item.key))
      }
      #expect(try transaction.work(ofJob: Self.number, of: [Self.kind]).map(\.key.key) == ["2"])
    }
    #expect(try store.work(Self.kind).map(\.key.key) == ["2"])
    try store.reopen()
    #expect(try store.work(Self.kind).map(\.key.key) == ["2"])
    #expect(try store.backend.tablesWithStrayRows().isEmpty)
  }

  @Test func `rows of a subject are found in tables whose keys begin with jobs`() async throws {
    let store = try OrderedStore(tables: [Self.rows, Self.targets])
    try store.deliver("a", .running)
    let job = try await store.number("p1")
    try store.commit { (transaction) throws(StorageError) in
      for number in [job, Self.number] {
        transaction.put([.integer(number), .integer(1), .integer(number)], in: Self.rows)
        transaction.put([.integer(number), .integer(number)], in: Self.targets)
      }
    }
    let found = try store.commit { (transaction) throws(StorageError) in
      var found: [Int64?] = []
      for number in [job, Self.number, Self.number - 1] {
        let row = try transaction.row(of: Self.rows, key: [.integer(number), .integer(1)])
        let target = try transaction.row(of: Self.targets, key: [.integer(number)])
        #expect(row?.integer("value") == target?.integer("value"))
        found.append(row?.integer("value"))
      }
      return found
    }
    #expect(found == [job, Self.number, nil])
  }

  @Test func `work of a retaining kind is found for a subject`() throws {
    let store = try OrderedStore(retainingKinds: [Self.kind])
    let other = WorkItem(WorkKey(WorkKind(rawValue: "other"), job: Self.number), dueAt: store.now)
    try store.commit { (transaction) throws(StorageError) in
      transaction.write(.insert(other))
      #expect(try !transaction.hasRetainingWork(Self.number))
      transaction.write(.insert(Self.item("1")))
      #expect(try transaction.hasRetainingWork(Self.number))
      #expect(try !transaction.hasRetainingWork(Self.number - 1))
    }
    try store.commit { (transaction) throws(StorageError) in
      #expect(try transaction.hasRetainingWork(Self.number))
    }
  }

  /// Other stores than that of one process take a lock here.
  @Test func `a subject is locked more than once in a transaction`() throws {
    let store = try OrderedStore()
    try store.commit { (transaction) throws(StorageError) in
      for number in [-1, Int64.min, Self.number, -1] { try transaction.lock(subject: number) }
      #expect(try transaction.work(ofJob: -1, of: [Self.kind]).isEmpty)
    }
  }

  private static let named = TableDeclaration(
    "subject_names", key: [.init("name", .text), .init("n", .integer)], columns: [.init("value", .integer)])

  /// In stores with round trips they take one.
  @Test func `rows that are read at once are those that are read one by one`() throws {
    let store = try OrderedStore(tables: [Self.named])
    let keys = (0..<5 as Range<Int64>).map { [RowValue.text("a"), .integer($0)] }
    try store.commit { (transaction) throws(StorageError) in
      for index in [0, 1, 3] { transaction.put(keys[index] + [.integer(7)], in: Self.named) }
    }
    try store.commit { (transaction) throws(StorageError) in
      try transaction.lock(subjects: [-1, Self.number, -1])
      transaction.put(keys[2] + [.integer(8)], in: Self.named)
      transaction.deleteRow(of: Self.named, key: keys[3])
      try transaction.prefetch([], of: Self.named)
      try transaction.prefetch(keys + keys, of: Self.named)
      // It counts as new what is read after a lock.
      try transaction.lock(subjects: [Self.number - 1])
      let values = try keys.map { (key) throws(StorageError) in
        try transaction.row(of: Self.named, key: key)?.integer("value")
      }
      #expect(values == [7, 7, 8, nil, nil])
    }
  }

  // MARK: Events

  /// Counts the calls of a hook, and what it was given.
  private final class Hook: TransactionHook, @unchecked Sendable {
    var announced: [String] = []
    var withdrawn: [Int64] = []

    func writes(
      after transitions: [JobTransition], reading rows: HookRows
    ) throws(StorageError) -> HookWrites {
      announced += rows.announcements.map { "\($0.subject) \($0.type) \($0.revision)" }
      withdrawn += rows.withdrawn
      return HookWrites(
        work: rows.announcements.map { .insert(SubjectTests.item(String($0.revision), of: $0.number)) })
    }
  }

  @Test func `hooks receive events of subjects without a change of a job`() throws {
    let hook = Hook()
    let store = try OrderedStore(hooks: [hook])
    let now = store.now
    func event(_ revision: Int64) -> Announcement {
      Announcement(
        number: Self.number, revision: revision, type: "chain.succeeded", subject: "chain", madeAt: now,
        occurredAt: now, callback: nil)
    }
    try store.commit { (transaction) throws(StorageError) in
      transaction.announce(event(1))
      transaction.announce(event(2))
    }
    #expect(hook.announced == ["chain chain.succeeded 1", "chain chain.succeeded 2"])
    #expect(try store.work(Self.kind).map(\.key.key).sorted() == ["1", "2"])
    try store.commit { (transaction) throws(StorageError) in
      transaction.announce(event(3))
      transaction.withdrawAnnouncements(of: Self.number)
    }
    #expect(hook.announced.count == 2 && hook.withdrawn == [Self.number])
    try store.commit { _ in }
    #expect(hook.announced.count == 2 && hook.withdrawn.count == 1)
  }
}
