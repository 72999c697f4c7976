import Ledger
import FaultyDisk
import Jobs
import StoreSeam
import SQLiteStore
import Testing

/// WAL writes are coalesced into few calls.
///
/// Every read sees them.
@Suite struct CoalescedWritesTests {
  @Test func aCommitOfManyDeliveriesIsAFewWrites() throws {
    let disk = try FaultyDisk()
    let store = Ledger(store: try SQLiteStore(path: disk.path))
    var deliveries = Deliveries(seed: 1, bodySizes: [2000])
    let batches = (0..<100).flatMap { _ in deliveries.batch() }
    let before = disk.eventCount
    let recordings = try store.commit(batches)
    let sizes: [Int] = disk.record()[before...].compactMap { event in
      if case .written(_, let bytes) = event.kind { bytes.count } else { nil }
    }
    let written = sizes.reduce(0, +)
    #expect(recordings.count == batches.count)
    #expect(written > 3 * 31 * 4120)
    // A frame is 24 bytes and a page, and 31 of them are buffered.
    #expect(sizes.count <= written / (31 * 4120) + 2, "\(sizes)")
  }

  /// A transaction larger than SQLite's cache (2 MB).
  ///
  /// It spills pages to the WAL, and reads them back.
  @Test func aTransactionLargerThanTheCacheIsStoredCompletely() throws {
    let disk = try FaultyDisk()
    let store = Ledger(store: try SQLiteStore(path: disk.path))
    var deliveries = Deliveries(seed: 2, bodySizes: [300, 9000, 400_000])
    let batches = (0..<12).flatMap { _ in deliveries.batch() }
    #expect(batches.reduce(0) { $0 + $1.body.count } > 4_000_000)
    _ = try store.commit(batches)
    let attempt = Attempt(deliveries: batches, start: 0, end: disk.eventCount, isAcknowledged: true)
    #expect(
      DurabilityCheck.problem(with: disk.path, after: [attempt], cutAt: disk.eventCount, fault: nil) == nil)
  }
}
