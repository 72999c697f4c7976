package import Jobs
package import Time
package import Tables

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
  /// A page of the jobs that match, newest first.
  ///
  /// - Parameters:
  ///   - before: the cursor, from ``JobPage/next``; nil for the first page.
  ///   - limit: the maximum number of jobs, at least one.
  func jobs(matching filter: JobFilter, before: Int64?, limit: Int) async throws(StorageError) -> JobPage
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
  /// A job is listed once, with its newest state.
  func changes(after cursor: Int64, limit: Int) async throws(StorageError) -> [FeedEntry]
  /// The epoch of the store and the number of its last change.
  func feedPosition() async throws(StorageError) -> FeedPosition
  /// The value of that name in the table of keys.
  func key(_ name: String) async throws(StorageError) -> [UInt8]?
  /// Rows of a capability's table.
  func rows(_ query: TableQuery) async throws(StorageError) -> [TableRow]
  /// Throws unless the store is readable and still the one that was opened.
  func ping() async throws(StorageError)
}

/// A job with all that its document shows, from one snapshot.
///
/// A class, because it is large and passed through many functions.
package final class JobRecord: Sendable {
  /// The job's number, in order of creation.
  package let number: Int64
  package let job: Job
  /// The exact body of its snapshot.
  package let body: [UInt8]
  /// The number of the job's last change.
  package let change: Int64
  /// Nil for a job that was not created here, unless its cancellation was requested.
  package let order: StoredOrder?
  /// Oldest first.
  package let attempts: [PastAttempt]

  package init(
    number: Int64, job: Job, body: [UInt8], change: Int64, order: StoredOrder?, attempts: [PastAttempt]
  ) {
    self.number = number
    self.job = job
    self.body = body
    self.change = change
    self.order = order
    self.attempts = attempts
  }
}

/// The jobs that a list includes.
package struct JobFilter: Equatable, Sendable {
  package var state: JobState?
  package var model: String?

  package init(state: JobState? = nil, model: String? = nil) {
    self.state = state
    self.model = model
  }
}

/// A page of a list, with the cursor of the next page. Nil on the last.
package struct JobPage: Sendable {
  package let jobs: [Job]
  package let next: Int64?

  package init(jobs: [Job], next: Int64?) {
    self.jobs = jobs
    self.next = next
  }
}

/// A part of a job's history, and the number of all its rows per outcome.
package struct JobHistory: Sendable {
  package let job: Job
  package let entries: [HistoryEntry]
  package let counts: [DeliveryOutcome: Int]

  package init(job: Job, entries: [HistoryEntry], counts: [DeliveryOutcome: Int]) {
    self.job = job
    self.entries = entries
    self.counts = counts
  }
}

/// The next due time of each kind of work. Nil where none is due.
package struct NextDue: Equatable, Sendable {
  /// The check of an open job.
  package let check: Timestamp?
  /// The create call of an order.
  package let create: Timestamp?
  /// The search for the prediction of an unanswered order.
  package let find: Timestamp?
  /// The cancel call of an order.
  package let cancel: Timestamp?

  package init(check: Timestamp?, create: Timestamp?, find: Timestamp?, cancel: Timestamp?) {
    self.check = check
    self.create = create
    self.find = find
    self.cancel = cancel
  }
}

/// A job that has changed, in its newest state, or the tombstone of a deleted one.
package struct FeedEntry: Sendable {
  package let change: Int64
  /// The job's id in the API.
  package let id: String
  /// Nil where the job was deleted.
  package let job: Job?

  package init(change: Int64, id: String, job: Job?) {
    self.change = change
    self.id = id
    self.job = job
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
