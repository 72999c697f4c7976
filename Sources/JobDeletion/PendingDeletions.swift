internal import ChangeFeed
internal import EventLoop
internal import GroupCommit
internal import Jobs
internal import JobsAPI
internal import StoreSeam
internal import Observability
internal import Tables
internal import Time

/// Deletes jobs that were canceled to be deleted, once they have ended.
///
/// What is pending is in a table, so that a restart forgets none. While there is some, the service reads the
/// change feed each second, and not the jobs.
actor PendingDeletions: Service {
  private nonisolated let loop: EventLoop
  private nonisolated let timer: WakeableTimer
  private let recorder: Recorder
  private let reader: any StoreReader
  private let signal: DeletionSignal
  private let tombstoneTime: Int64
  private let deletedJobs: Counter
  /// Jobs whose ends are awaited, by their ids.
  private var pending: [String: PendingDeletion] = [:]
  /// Where the feed was read up to. Nil while nothing is pending.
  private var cursor: Cursor?
  private var rowsReadAt: MonotonicTime?

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  /// Between two reads of the feed, and after a failure.
  private static let pause = Duration.seconds(1)
  /// The next request wakes the service before, unless another process has received it and ended.
  private static let idlePause = Duration.seconds(60)
  /// Jobs that one transaction deletes, which deliveries wait for.
  private static let batchSize = 50
  private static let pageSize = 500

  init(
    loop: EventLoop, queue: CommitQueue, reader: sending any StoreReader, signal: DeletionSignal,
    tombstoneTime: Int64, deletedJobs: Counter
  ) {
    self.loop = loop
    timer = WakeableTimer(loop: loop)
    recorder = Recorder(loop: loop, queue: queue)
    self.reader = reader
    self.signal = signal
    self.tombstoneTime = tombstoneTime
    self.deletedJobs = deletedJobs
  }

  func run() async {
    signal.attach(timer)
    await withTaskCancellationHandler {
      while !Task.isCancelled {
        let isDone = await runOnce()
        let pause = isDone && pending.isEmpty ? Self.idlePause : Self.pause
        await timer.sleep(until: loop.kernel.monotonicTime + pause)
      }
    } onCancel: {
      timer.wake()
    }
  }

  /// - Returns: false after a failure, whose cause the commit thread or a read of the API logs.
  private func runOnce() async -> Bool {
    do {
      let feed = FeedReader(reader)
      // Before the rows are read: an end after it is in the feed.
      if cursor == nil { cursor = try await feed.end() }
      if signal.consume() || areRowsDue { try await delete(try await ended(among: try await newRows())) }
      try await followFeed(feed)
      if pending.isEmpty { cursor = nil }
      return true
    } catch {
      // The next run reads everything again, also where the cursor was refused.
      (cursor, pending) = (nil, [:])
      signal.wakeLater()
      return false
    }
  }

  private var areRowsDue: Bool {
    rowsReadAt.map { $0 + Self.idlePause <= loop.kernel.monotonicTime } ?? true
  }

  private func newRows() async throws(StorageError) -> [PendingDeletion] {
    rowsReadAt = loop.kernel.monotonicTime
    let known = Set(pending.values.map(\.number))
    var rows: [PendingDeletion] = []
    var query = TableQuery(PendingDeletion.table, limit: Self.pageSize)
    // Bounded by the table: every round begins after the last row.
    while true {
      let page = try await reader.rows(query).compactMap(PendingDeletion.init)
      rows += page.filter { !known.contains($0.number) }
      guard page.count == Self.pageSize, let last = page.last else { return rows }
      query.bounds = (last.number + 1)...Int64.max
    }
  }

  /// The jobs that have ended or are gone. The others become pending.
  private func ended(among jobs: [PendingDeletion]) async throws(StorageError) -> [PendingDeletion] {
    var ended: [PendingDeletion] = []
    for job in jobs {
      if let record = try await reader.job(job.id), !record.job.phase.isTerminal {
        pending[record.job.id] = job
      } else {
        ended.append(job)
      }
    }
    return ended
  }

  private func followFeed(_ feed: FeedReader) async throws {
    var hasMore = !pending.isEmpty
    while hasMore {
      let page = try await feed.page(after: cursor, limit: Self.pageSize)
      var found: [PendingDeletion] = []
      for entry in page.entries where entry.job?.phase.isTerminal ?? true {
        if let job = pending.removeValue(forKey: entry.id) { found.append(job) }
      }
      // A merge deletes a job whose prediction is another's then, which may be open.
      try await delete(try await ended(among: found))
      (cursor, hasMore) = (page.next, page.hasMore)
    }
  }

  private func delete(_ jobs: [PendingDeletion]) async throws(RecordingFailure) {
    var rest = jobs[...]
    while !rest.isEmpty {
      let batch = Array(rest.prefix(Self.batchSize))
      let now = Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds)
      let expiresAt = now.advanced(byMilliseconds: tombstoneTime)
      let count = try await recorder.write { (transaction) throws(StorageError) in
        try transaction.completeDeletions(batch, tombstoneUntil: expiresAt)
      }.get()
      deletedJobs.add(count)
      rest = rest.dropFirst(Self.batchSize)
    }
  }
}
