import Ledger
import FaultyDisk
import Jobs
import StoreSeam
@testable import SQLiteStore
@testable import Time

/// The files on a disk before a run, and their deliveries.
struct InitialDisk {
  var files: [String: [UInt8]] = [:]
  var deliveries: [Delivery] = []

  static let nothing = InitialDisk()

  /// The database and the WAL that a killed process left.
  static func killed() throws -> InitialDisk {
    let disk = try FaultyDisk()
    var deliveries = Deliveries(seed: 99, bodySizes: [10, 300, 5000])
    var initial = InitialDisk()
    let store = try SQLiteStore(path: disk.path)
    let ledger = Ledger(store: store)
    for number in 0..<8 {
      let batch = deliveries.batch()
      _ = try ledger.commit(batch)
      initial.deliveries += batch
      if number == 4 { _ = try store.checkpoint() }
    }
    initial.files = disk.files()
    return initial
  }

  /// All of its deliveries as one batch.
  var attempt: Attempt { Attempt(deliveries: deliveries, start: 0, end: 0, isAcknowledged: true) }

  /// The time of the last receipt, in milliseconds.
  var end: Int64 { deliveries.map(\.receivedAt.milliseconds).max() ?? 0 }
}
