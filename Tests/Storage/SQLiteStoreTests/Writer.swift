import Jobs
import Ledger
import StoreSeam
import SQLite
import SQLiteStore

/// A SQLite store with the ledger over it.
final class Writer {
  let store: SQLiteStore
  let ledger: Ledger

  init(
    path: String, busyTimeout: Int32 = 5000,
    polling: PollPolicy = PollPolicy(timeout: 900_000, firstPoll: nil)
  ) throws(DatabaseError) {
    store = try SQLiteStore(path: path, busyTimeout: busyTimeout)
    ledger = Ledger(store: store, rules: LedgerRules(polling: polling))
  }

  @discardableResult
  func commit<Value>(
    _ work: @escaping (LedgerTransaction) throws(StorageError) -> Value
  ) throws -> Value {
    try ledger.commit(work)
  }

  func commit(_ deliveries: [Delivery]) throws -> [Recording] { try ledger.commit(deliveries) }
}
