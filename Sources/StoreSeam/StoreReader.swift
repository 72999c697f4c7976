package import Jobs
package import Time
package import Tables
package import Work

/// Reads from a store outside any commit. Each call sees one snapshot.
///
/// A reader is used by one loop. A store on the machine answers at once; one across a network suspends.
package protocol StoreReader: AnyObject {
  /// The job with that id, its order and its past attempts, from one snapshot.
  ///
  /// The id is the job's own or its prediction's.
  func job(_ id: String) async throws(StorageError) -> JobRecord?
  /// The number of create calls due before `moment`, up to `limit`.
  func queuedOrders(before moment: Timestamp, limit: Int) async throws(StorageError) -> Int
  /// The orders of which a step waits or is being done, counted one by one.
  func openOrders() async throws(StorageError) -> OpenOrders
  /// A page of the jobs that match, newest first.
  ///
  /// It ends early at ``JobPage/maxBytes``, or where too many jobs had to be examined.
  ///
  /// - Parameters:
  ///   - before: the cursor, from ``JobPage/next``; nil for the first page.
  ///   - limit: the maximum number of jobs, at least one.
  ///   - parts: what the rows hold beside the job and its metadata.
  func jobs(
    matching filter: JobFilter, before: Int64?, limit: Int, including parts: JobParts
  ) async throws(StorageError) -> JobPage
  /// The number from which on jobs were recorded at `moment` or later.
  ///
  /// A job created here was recorded at its creation, another one with its first delivery. Numbers have
  /// that order, except where a clock was set back, and within seconds where several processes assign them.
  func firstNumber(recordedAt moment: Timestamp) async throws(StorageError) -> Int64
  /// The jobs whose metadata has a member `key`, in the order of their positions.
  ///
  /// - Parameter times: only for jobs last updated within them the billed time is read.
  func jobs(
    withMember key: String, after position: MemberPosition, limit: Int, times: Range<Timestamp>
  ) async throws(StorageError) -> [MemberRow]
  /// The history of the job with that id after `position`, oldest first, and the job.
  func history(
    ofJob id: String, after position: Int64, limit: Int
  ) async throws(StorageError) -> JobHistory?
  /// The next due time of each kind of work.
  func nextDue() async throws(StorageError) -> NextDue
  /// The next due time of work of that kind. Nil where there is none.
  func nextDue(_ kind: WorkKind) async throws(StorageError) -> Timestamp?
  /// When the newest job last changed. Nil where there is none.
  func newestUpdate() async throws(StorageError) -> Timestamp?
  /// What has changed after `cursor`, in the order of the change numbers.
  ///
  /// A job is listed once, with its newest state. Deletions match every filter. It ends early at
  /// ``JobPage/maxBytes``.
  ///
  /// - Parameter limit: the maximum number of changes that are examined, at least one.
  func changes(
    after cursor: Int64, limit: Int, matching filter: JobFilter, including parts: JobParts
  ) async throws(StorageError) -> FeedSlice
  /// The epoch of the store and the number of its last change.
  func feedPosition() async throws(StorageError) -> FeedPosition
  /// The value of that name in the table of keys.
  func key(_ name: String) async throws(StorageError) -> [UInt8]?
  /// Rows of a capability's table.
  func rows(_ query: TableQuery) async throws(StorageError) -> [TableRow]
  /// Throws unless the store is readable and still the one that was opened.
  func ping() async throws(StorageError)
}

extension StoreReader {
  package func jobs(
    matching filter: JobFilter, before: Int64?, limit: Int
  ) async throws(StorageError) -> JobPage {
    try await jobs(matching: filter, before: before, limit: limit, including: [])
  }

  /// What has changed after `cursor`, of all jobs.
  package func changes(after cursor: Int64, limit: Int) async throws(StorageError) -> [FeedEntry] {
    try await changes(after: cursor, limit: limit, matching: JobFilter(), including: []).entries
  }
}

/// A part of the change feed.
package struct FeedSlice: Sendable {
  package let entries: [FeedEntry]
  /// The number of the last change that was examined; the cursor where there was none.
  package let last: Int64
  /// Whether the slice has ended at a limit, so that more may follow.
  package let hasMore: Bool

  package init(entries: [FeedEntry], last: Int64, hasMore: Bool) {
    self.entries = entries
    self.last = last
    self.hasMore = hasMore
  }
}

/// A job that has changed, in its newest state, or the tombstone of a deleted one.
package struct FeedEntry: Sendable {
  package let change: Int64
  /// The job's id in the API.
  package let id: String
  /// Nil where the job was deleted.
  package let row: ListedJob?

  package var job: Job? { row?.job }

  package init(change: Int64, id: String, row: ListedJob?) {
    self.change = change
    self.id = id
    self.row = row
  }
}

/// Where the change feed of a store ends.
package struct FeedPosition: Equatable, Sendable {
  /// Random; made with the store, and replaced in each restored backup.
  package let epoch: String
  /// The number of the last change. 0 where there is none.
  package let lastChange: Int64
  /// The lowest number after which no tombstone was deleted.
  package let oldestChange: Int64

  package init(epoch: String, lastChange: Int64, oldestChange: Int64) {
    self.epoch = epoch
    self.lastChange = lastChange
    self.oldestChange = oldestChange
  }
}
