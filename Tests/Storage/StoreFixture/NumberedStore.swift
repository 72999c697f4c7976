internal import Jobs
package import StoreSeam
internal import Tables
internal import Time
internal import Work

/// A store whose jobs are numbered from 1 without gaps.
///
/// Two of them number the same jobs alike, in any transactions that create them.
package final class NumberedStore: Store {
  private let store: any Store
  private var lastNumber: Int64 = 0

  package init(_ store: any Store) { self.store = store }

  package var isShared: Bool { store.isShared }

  package func commit(
    reading keys: () -> LedgerKeys, _ decide: (any StoredRows) throws(StorageError) -> WriteSet
  ) throws(StorageError) -> [CommittedChange] {
    var last = lastNumber
    let changes = try store.commit(reading: keys) { (rows) throws(StorageError) in
      let numbered = NumberedRows(rows, after: lastNumber)
      let writes = try decide(numbered)
      last = numbered.lastNumber
      return writes
    }
    lastNumber = last
    return changes
  }

  package func probe(room: Int) throws(StorageError) { try store.probe(room: room) }
  package func maintain() throws(StorageError) { try store.maintain() }
  package func finish() throws(StorageError) { try store.finish() }
}

/// Rows that count the numbers of new jobs themselves.
private final class NumberedRows: StoredRows {
  private let rows: any StoredRows
  private(set) var lastNumber: Int64

  init(_ rows: any StoredRows, after number: Int64) { (self.rows, lastNumber) = (rows, number) }

  func nextJobNumber() throws(StorageError) -> Int64 {
    lastNumber += 1
    return lastNumber
  }

  func job(number: Int64) throws(StorageError) -> StoredRow? { try rows.job(number: number) }
  func job(id: String) throws(StorageError) -> StoredRow? { try rows.job(id: id) }
  func job(ofPrediction id: String) throws(StorageError) -> StoredRow? { try rows.job(ofPrediction: id) }
  func body(ofJob number: Int64) throws(StorageError) -> [UInt8] { try rows.body(ofJob: number) }

  func historyLength(ofJob number: Int64) throws(StorageError) -> Int64 {
    try rows.historyLength(ofJob: number)
  }

  func delivery(webhookID: String) throws(StorageError) -> EarlierDelivery? {
    try rows.delivery(webhookID: webhookID)
  }

  func isDeleted(prediction id: String) throws(StorageError) -> Bool { try rows.isDeleted(prediction: id) }
  func isDeleted(job id: String) throws(StorageError) -> Bool { try rows.isDeleted(job: id) }

  func notFoundAnswers(ofJob number: Int64, after moment: Timestamp) throws(StorageError) -> [Timestamp] {
    try rows.notFoundAnswers(ofJob: number, after: moment)
  }

  func job(ofPastPrediction id: String) throws(StorageError) -> Int64? { try rows.job(ofPastPrediction: id) }
  func order(ofJob number: Int64) throws(StorageError) -> StoredOrder? { try rows.order(ofJob: number) }
  func request(ofJob number: Int64) throws(StorageError) -> [UInt8] { try rows.request(ofJob: number) }
  func job(ofIdempotencyKey key: String) throws(StorageError) -> Int64? {
    try rows.job(ofIdempotencyKey: key)
  }

  func work(_ kind: WorkKind, dueAt moment: Timestamp, limit: Int) throws(StorageError) -> [WorkItem] {
    try rows.work(kind, dueAt: moment, limit: limit)
  }

  func work(_ kind: WorkKind, dueAfter moment: Timestamp) throws(StorageError) -> [WorkItem] {
    try rows.work(kind, dueAfter: moment)
  }

  func claimedWork(_ kind: WorkKind, endingUntil moment: Timestamp) throws(StorageError) -> [WorkItem] {
    try rows.claimedWork(kind, endingUntil: moment)
  }

  func lease(_ name: String) throws(StorageError) -> Lease? { try rows.lease(name) }
  func budget(_ name: String) throws(StorageError) -> Budget? { try rows.budget(name) }
  func work(ofJob number: Int64) throws(StorageError) -> [WorkItem] { try rows.work(ofJob: number) }
  func lock(subject number: Int64) throws(StorageError) { try rows.lock(subject: number) }
  func unclaimedCount(of kind: WorkKind) throws(StorageError) -> Int { try rows.unclaimedCount(of: kind) }

  func pruningCandidates(
    after number: Int64, limit: Int, quietSince moment: Timestamp
  ) throws(StorageError) -> [PruningCandidate] {
    try rows.pruningCandidates(after: number, limit: limit, quietSince: moment)
  }

  func key(_ name: String) throws(StorageError) -> [UInt8]? { try rows.key(name) }

  func row(of table: TableDeclaration, key: [RowValue]) throws(StorageError) -> TableRow? {
    try rows.row(of: table, key: key)
  }

  func count(of table: TableDeclaration, prefix: [RowValue], limit: Int) throws(StorageError) -> Int {
    try rows.count(of: table, prefix: prefix, limit: limit)
  }
}
