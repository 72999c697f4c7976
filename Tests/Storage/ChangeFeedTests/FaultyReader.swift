import ChangeFeed
import Jobs
import StoreSeam
import Tables
import Simulation

@testable import Time
import Work

/// A store's reader whose feed has a planted fault.
final class FaultyReader: StoreReader {
  private let reader: any StoreReader
  private let fault: FeedSimulation.Fault?
  private let kernel: SimulatedKernel

  init(_ reader: any StoreReader, _ fault: FeedSimulation.Fault?, _ kernel: SimulatedKernel) {
    self.reader = reader
    self.fault = fault
    self.kernel = kernel
  }

  func changes(
    after cursor: Int64, limit: Int, matching filter: JobFilter, including parts: JobParts
  ) async throws(StorageError) -> FeedSlice {
    let slice = try await reader.changes(after: cursor, limit: limit, matching: filter, including: parts)
    var entries = slice.entries
    if fault == .skippedNumber, entries.count > 1, kernel.random.happens(onceIn: 10) {
      entries.remove(at: entries.count - 2)
    }
    return FeedSlice(entries: entries, last: slice.last, hasMore: slice.hasMore)
  }

  func feedPosition() async throws(StorageError) -> FeedPosition {
    let position = try await reader.feedPosition()
    guard fault == .forgottenAge else { return position }
    return FeedPosition(epoch: position.epoch, lastChange: position.lastChange, oldestChange: 0)
  }

  func job(_ id: String) async throws(StorageError) -> JobRecord? { try await reader.job(id) }

  func openOrders() async throws(StorageError) -> OpenOrders { try await reader.openOrders() }

  func queuedOrders(before moment: Timestamp, limit: Int) async throws(StorageError) -> Int {
    try await reader.queuedOrders(before: moment, limit: limit)
  }

  func jobs(
    matching filter: JobFilter, before: Int64?, limit: Int, including parts: JobParts
  ) async throws(StorageError) -> JobPage {
    try await reader.jobs(matching: filter, before: before, limit: limit, including: parts)
  }

  func firstNumber(recordedAt moment: Timestamp) async throws(StorageError) -> Int64 {
    try await reader.firstNumber(recordedAt: moment)
  }

  func jobs(
    withMember key: String, after position: MemberPosition, limit: Int, times: Range<Timestamp>
  ) async throws(StorageError) -> [MemberRow] {
    try await reader.jobs(withMember: key, after: position, limit: limit, times: times)
  }

  func history(
    ofJob id: String, after position: Int64, limit: Int
  ) async throws(StorageError) -> JobHistory? {
    try await reader.history(ofJob: id, after: position, limit: limit)
  }

  func nextDue() async throws(StorageError) -> NextDue { try await reader.nextDue() }

  func nextDue(_ kind: WorkKind) async throws(StorageError) -> Timestamp? { try await reader.nextDue(kind) }

  func newestUpdate() async throws(StorageError) -> Timestamp? { try await reader.newestUpdate() }

  func key(_ name: String) async throws(StorageError) -> [UInt8]? { try await reader.key(name) }

  func rows(_ query: TableQuery) async throws(StorageError) -> [TableRow] { try await reader.rows(query) }

  func ping() async throws(StorageError) { try await reader.ping() }
}
