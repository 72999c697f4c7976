import Jobs
@testable import Ledger
import StoreSeam
import Tables
import StoreFixture
import Testing
import Time
import Work

/// The keys of a delivery name all that recording it reads, so that a store can read it ahead.
@Suite(.everyStore) struct KeyTests {
  enum Path: CaseIterable {
    case first, next, end, repeated, named, namedOrphan, stray, interrupted, pastPrediction, deleted,
      repeatOfDeleted
  }

  @Test(arguments: Path.allCases)
  func `recording reads nothing that its keys do not name`(_ path: Path) throws {
    let store = try OrderedStore()
    var delivery = Sample.delivery("w", "processing", .running, logs: 1)
    switch path {
    case .first: break
    case .next: try store.deliver("a", .pending)
    case .end:
      try store.deliver("a", .running)
      delivery = Sample.delivery("w", "succeeded", .succeeded)
    case .repeated: try store.deliver("w", .running)
    case .named, .namedOrphan:
      _ = try store.send("j1")
      if path == .namedOrphan { try store.deliver("a", .pending) }
      delivery = Sample.delivery("w", "processing", .running, logs: 1, naming: "j1")
    case .stray:
      try store.report(try store.send("j1").order.number, of: "p2", .running)
      delivery = Sample.delivery("w", "processing", .running, naming: "j1")
    case .interrupted, .pastPrediction:
      try store.report(try store.send("j1", retries: 1).order.number, .running)
      let polled = Sample.polled(.webhook, .failed, at: store.now, error: interruption)
      delivery = Delivery(
        webhookID: "w", receivedAt: store.now, snapshot: polled.snapshot, body: polled.body, namedJob: "j1")
      if path == .pastPrediction { try store.deliver("a", .failed, error: interruption) }
    case .deleted, .repeatOfDeleted:
      try store.deliver(path == .deleted ? "a" : "w", .succeeded)
      try store.delete("p1")
    }
    let keys = LedgerKeys.of(delivery)
    var unnamed: [String] = []
    var count = 0
    _ = try store.ledger.store.commit(reading: { keys }) { (rows) throws(StorageError) in
      let watched = WatchedRows(rows, keys)
      let transaction = LedgerTransaction(reading: watched, rules: LedgerRules())
      _ = try transaction.record(delivery)
      let writes = try transaction.writeSet(hooks: [])
      (unnamed, count) = (watched.unnamed, watched.count)
      return writes
    }
    #expect(unnamed.isEmpty)
    #expect(count > 0)
  }

  @Test func `a read that no key names is noticed`() throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    let unnamed = try store.read { (rows) throws(StorageError) in
      let watched = WatchedRows(rows, LedgerKeys())
      _ = try watched.job(ofPrediction: "p1")
      return watched.unnamed
    }
    #expect(unnamed == ["prediction p1"])
  }
}

/// Rows that note which reads the keys do not name.
///
/// A row that was found by a named key may be read with all that belongs to it.
private final class WatchedRows: StoredRows {
  private let rows: any StoredRows
  private let keys: LedgerKeys
  private var reached: Set<Int64>
  private(set) var unnamed: [String] = []
  private(set) var count = 0

  init(_ rows: any StoredRows, _ keys: LedgerKeys) {
    (self.rows, self.keys, reached) = (rows, keys, Set(keys.jobNumbers))
  }

  private func note(_ isNamed: Bool, _ read: String) {
    count += 1
    if !isNamed { unnamed.append(read) }
  }

  private func reach(_ row: StoredRow?) -> StoredRow? {
    if let row { reached.insert(row.number) }
    return row
  }

  private func noteJob(_ number: Int64, _ read: String) {
    note(reached.contains(number), "\(read) \(number)")
  }

  func job(number: Int64) throws(StorageError) -> StoredRow? {
    noteJob(number, "job")
    return try rows.job(number: number)
  }

  func job(id: String) throws(StorageError) -> StoredRow? {
    note(keys.jobIDs.contains(id), "id \(id)")
    return reach(try rows.job(id: id))
  }

  func job(ofPrediction id: String) throws(StorageError) -> StoredRow? {
    note(keys.predictionIDs.contains(id), "prediction \(id)")
    return reach(try rows.job(ofPrediction: id))
  }

  func body(ofJob number: Int64) throws(StorageError) -> [UInt8] {
    noteJob(number, "body")
    return try rows.body(ofJob: number)
  }

  func historyLength(ofJob number: Int64) throws(StorageError) -> Int64 {
    noteJob(number, "history length")
    return try rows.historyLength(ofJob: number)
  }

  func delivery(webhookID: String) throws(StorageError) -> EarlierDelivery? {
    note(keys.webhookIDs.contains(webhookID), "delivery \(webhookID)")
    let found = try rows.delivery(webhookID: webhookID)
    if let number = found?.job { reached.insert(number) }
    return found
  }

  func isDeleted(prediction id: String) throws(StorageError) -> Bool {
    note(keys.predictionIDs.contains(id), "deleted prediction \(id)")
    return try rows.isDeleted(prediction: id)
  }

  func isDeleted(job id: String) throws(StorageError) -> Bool {
    note(keys.jobIDs.contains(id), "deleted job \(id)")
    return try rows.isDeleted(job: id)
  }

  func notFoundAnswers(ofJob number: Int64, after moment: Timestamp) throws(StorageError) -> [Timestamp] {
    noteJob(number, "answers")
    return try rows.notFoundAnswers(ofJob: number, after: moment)
  }

  func job(ofPastPrediction id: String) throws(StorageError) -> Int64? {
    note(keys.predictionIDs.contains(id), "past prediction \(id)")
    let number = try rows.job(ofPastPrediction: id)
    if let number { reached.insert(number) }
    return number
  }

  func order(ofJob number: Int64) throws(StorageError) -> StoredOrder? {
    noteJob(number, "order")
    return try rows.order(ofJob: number)
  }

  func request(ofJob number: Int64) throws(StorageError) -> [UInt8] {
    noteJob(number, "request")
    return try rows.request(ofJob: number)
  }

  func job(ofIdempotencyKey key: String) throws(StorageError) -> Int64? {
    note(keys.idempotencyKeys.contains(key), "key \(key)")
    return try rows.job(ofIdempotencyKey: key)
  }

  func work(_ kind: WorkKind, dueAt moment: Timestamp, limit: Int) throws(StorageError) -> [WorkItem] {
    note(false, "due work")
    return try rows.work(kind, dueAt: moment, limit: limit)
  }

  func work(_ kind: WorkKind, dueAfter moment: Timestamp) throws(StorageError) -> [WorkItem] {
    note(false, "later work")
    return try rows.work(kind, dueAfter: moment)
  }

  func claimedWork(_ kind: WorkKind, endingUntil moment: Timestamp) throws(StorageError) -> [WorkItem] {
    note(false, "claimed work")
    return try rows.claimedWork(kind, endingUntil: moment)
  }

  func lock(subject number: Int64) throws(StorageError) { try rows.lock(subject: number) }

  func work(ofJob number: Int64) throws(StorageError) -> [WorkItem] {
    noteJob(number, "work of")
    return try rows.work(ofJob: number)
  }

  func unclaimedCount(of kind: WorkKind) throws(StorageError) -> Int {
    note(false, "unclaimed work")
    return try rows.unclaimedCount(of: kind)
  }

  func pruningCandidates(
    after number: Int64, limit: Int, quietSince moment: Timestamp
  ) throws(StorageError) -> [PruningCandidate] {
    note(false, "pruning candidates")
    return try rows.pruningCandidates(after: number, limit: limit, quietSince: moment)
  }

  func key(_ name: String) throws(StorageError) -> [UInt8]? {
    note(false, "key \(name)")
    return try rows.key(name)
  }

  func lease(_ name: String) throws(StorageError) -> Lease? {
    note(false, "lease \(name)")
    return try rows.lease(name)
  }

  func budget(_ name: String) throws(StorageError) -> Budget? {
    note(false, "budget \(name)")
    return try rows.budget(name)
  }

  func nextJobNumber() throws(StorageError) -> Int64 {
    let number = try rows.nextJobNumber()
    reached.insert(number)
    return number
  }

  func row(of table: TableDeclaration, key: [RowValue]) throws(StorageError) -> TableRow? {
    note(false, "table \(table.name)")
    return try rows.row(of: table, key: key)
  }

  func count(of table: TableDeclaration, prefix: [RowValue], limit: Int) throws(StorageError) -> Int {
    note(false, "table \(table.name)")
    return try rows.count(of: table, prefix: prefix, limit: limit)
  }
}
