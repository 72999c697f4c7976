internal import BlobStores
internal import ChangeFeed
internal import Downloads
internal import EventLoop
internal import GroupCommit
internal import HTTPClient
internal import JobsAPI
internal import KeptFiles
internal import Ledger
internal import Logging
internal import Observability
internal import StoreSeam
internal import Synchronization
internal import System
internal import Tables
internal import Time
internal import Work

/// Fetches the files that the hook has queued, and stores them.
///
/// The loop claims and commits; threads of its own transfer. All that must survive is in the database and in
/// the spool.
actor Archivist: Service {
  nonisolated let loop: EventLoop
  nonisolated let runtime: ArchiveRuntime
  nonisolated let resources: ArchiveRuntime.Resources
  nonisolated let metrics: ArchiveMetrics
  nonisolated let logger: Logger
  let timer: WakeableTimer
  let recorder: Recorder
  let reader: any StoreReader
  private let feed: FeedReceiver
  let fetchers: ArchiveThreads<Downloader>
  /// Of everything that the store does.
  let storers: ArchiveThreads<Void>
  private var random: KernelRandomness

  /// The files that are being fetched, by their jobs.
  var fetching: [Int64: [SpoolKey: FetchClaim]] = [:]
  var storing: Set<SpoolKey> = []
  /// The digests of the files that are being stored: their objects must not be removed meanwhile.
  var storingBlobs: [String: Int] = [:]
  /// The objects that are being removed.
  var dropping: Set<String> = []
  var writingManifests = 0
  /// Whether a transfer has ended, so that the next file need not wait.
  var hasEndedTransfer = false

  var isRecovered = false
  var isSwept = false
  var isProbed = false
  /// Whether other daemons use another folder.
  var isApart = false
  var pausedUntil: MonotonicTime
  /// When the files of the spool, and what is to be removed, are looked at again.
  var storesDueAt: MonotonicTime
  var dropsDueAt: MonotonicTime
  var careDueAt: MonotonicTime
  var measureDueAt: MonotonicTime
  var retentionDueAt: MonotonicTime
  /// What this daemon has left in a shared folder.
  var nodeText = ""
  var spoolWarnings = LogRateLimiter(maxLines: 1, per: .seconds(60))
  var failures = LogRateLimiter(maxLines: 20, per: .seconds(60))

  static let maxFetches = 4
  static let maxStores = 4
  static let maxDrops = 8
  static let maxManifests = 2
  /// Between two looks at what this process does not notice by itself.
  static let lookPause = Duration.seconds(1)
  static let carePause = Duration.seconds(15)
  private static let minPause = Duration.milliseconds(20)
  static let maxPause = Duration.seconds(30)
  static let pauseAfterFailure = Duration.seconds(1)

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  /// - Parameter reader: moves to the loop.
  init(
    loop: EventLoop, queue: CommitQueue, feed: FeedReceiver, reader: sending any StoreReader,
    runtime: ArchiveRuntime, logger: Logger
  ) throws {
    self.loop = loop
    self.runtime = runtime
    self.feed = feed
    self.reader = reader
    self.logger = logger
    metrics = runtime.metrics
    let resources = try runtime.open()
    self.resources = resources
    timer = WakeableTimer(loop: loop)
    recorder = Recorder(loop: loop, queue: queue)
    random = KernelRandomness(loop.kernel)
    let sources = runtime.configuration.sources
    fetchers = try ArchiveThreads(Self.maxFetches, named: "fetch") {
      Downloader(client: try BlockingHTTPClient(), rules: sources, spool: resources.spool)
    }
    storers = try ArchiveThreads(Self.maxStores, named: "store") {}
    let now = loop.kernel.monotonicTime
    (pausedUntil, storesDueAt, dropsDueAt) = (now, now, now)
    (careDueAt, measureDueAt, retentionDueAt) = (now, now, now)
    runtime.begin(with: timer)
  }

  var now: MonotonicTime { loop.kernel.monotonicTime }
  var time: Timestamp { Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds) }
  var node: String { resources.node }

  /// A random number from 0 to 1.
  func jitter() -> Double { Double.random(in: 0...1, using: &random) }

  func run() async {
    let subscription = feed.subscribe(to: .all) { [timer] in timer.wake() }
    let canceler = subscription.canceler
    defer { canceler.cancel() }
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        while !Task.isCancelled {
          hasEndedTransfer = false
          let pause = await runDueWork(in: &group)
          let earliest = now + Self.minPause
          if !hasEndedTransfer { await timer.sleep(until: now + pause) }
          // A commit has woken it: others may follow at once.
          while now < earliest, !hasEndedTransfer, !Task.isCancelled { await timer.sleep(until: earliest) }
        }
      }
    } onCancel: {
      runtime.isStopping.store(true, ordering: .relaxed)
      timer.wake()
    }
    fetchers.close()
    storers.close()
  }
}

// MARK: - Due work

extension Archivist {
  /// - Returns: the time until something is due, unless a commit or the end of a transfer wakes it first.
  private func runDueWork(in group: inout DiscardingTaskGroup) async -> Duration {
    if runtime.takeWake() {
      (storesDueAt, dropsDueAt) = (now, now)
      runtime.endCancellations(except: fetching.keys)
      if runtime.takeReload() { pausedUntil = now }
    }
    do throws(StorageError) {
      try await prepare()
      try await startFetches(in: &group)
      try await startStores(in: &group)
      try await startDrops(in: &group)
      try await startManifests(in: &group)
      try await takeCare(in: &group)
      return try await nextPause()
    } catch {
      // The commit thread has logged the cause, or the reader will.
      return Self.pauseAfterFailure
    }
  }

  private func nextPause() async throws(StorageError) -> Duration {
    var pause = Self.maxPause
    for moment in [careDueAt, measureDueAt, retentionDueAt, dropsDueAt] {
      pause = min(pause, max(.zero, moment - now))
    }
    if storing.count < Self.maxStores {
      pause = min(pause, max(.zero, max(storesDueAt, canStore ? now : pausedUntil) - now))
    }
    let time = time
    for (kind, hasRoom) in [(ArchiveWork.fetch, fetchRoom > 0), (ArchiveWork.manifest, manifestRoom > 0)] {
      guard hasRoom, let due = try await reader.nextDue(kind) else { continue }
      let wait = time < due ? min(due.milliseconds - time.milliseconds, 86_400_000) : 0
      pause = min(pause, .milliseconds(wait))
    }
    return max(pause, .zero)
  }

  var fetchRoom: Int {
    // A daemon whose folder may be another one leaves the files to those that can store them.
    let isShared = resources.folder != nil && runtime.configuration.isShared
    guard !isApart, isProbed || !isShared else { return 0 }
    return max(0, Self.maxFetches - fetching.values.reduce(0) { $0 + $1.count })
  }
  private var manifestRoom: Int { canStore ? Self.maxManifests - writingManifests : 0 }
  var canStore: Bool { isProbed && !isApart && pausedUntil <= now }

  private func startFetches(in group: inout DiscardingTaskGroup) async throws(StorageError) {
    while fetchRoom > 0 {
      let time = time
      guard let due = try await reader.nextDue(ArchiveWork.fetch), due <= time else { return }
      let (room, inFlight) = (fetchRoom, fetching.mapValues { Set($0.keys) })
      let leaseEnd = time.advanced(byMilliseconds: Self.fetchLease)
      let claimed = try await write { transaction throws(StorageError) in
        try transaction.claimFetches(at: time, until: leaseEnd, limit: room, inFlight: inFlight)
      }
      for claim in claimed.claims {
        fetching[claim.file.job, default: [:]][claim.key] = claim
        group.addTask { await self.fetch(claim) }
      }
      guard claimed.claims.count == room || claimed.hasDeleted else { return }
    }
  }

  /// Renewed while the file is in flight.
  static let fetchLease: Int64 = 180_000

  private func startStores(in group: inout DiscardingTaskGroup) async throws(StorageError) {
    guard storesDueAt <= now else { return }
    try await endDeletions()
    guard canStore, storing.count < Self.maxStores else {
      storesDueAt = now + Self.lookPause
      return
    }
    let time = time
    let limit = storing.count + 2 * Self.maxStores
    var query = TableQuery(ArchiveFileTable.declaration, limit: limit)
    query.index = ArchiveFileTable.byNode
    query.prefix = [.text(node), .text(ArchiveFileState.fetched.rawValue)]
    let files = try await reader.rows(query).compactMap { ArchivedFile($0) }
    let due = Self.nextStores(of: files, beside: storing, at: time)
    let claims =
      try await due.isEmpty
      ? []
      : write { transaction throws(StorageError) in
        try due.map { file throws(StorageError) in try transaction.beginStore(file, at: time) }
      }
    // A file that was fetched meanwhile may have been begun by its fetch.
    for claim in claims.compactMap(\.self) where !storing.contains(claim.key) {
      noteStoring(claim, true)
      group.addTask { await self.store(claim) }
    }
    let next = files.filter { !storing.contains($0.spoolKey) }.map(\.dueAt).min()
    storesDueAt =
      now
      + .milliseconds(
        next.map { min(max($0.milliseconds - time.milliseconds, 20), 5000) } ?? 5000)
  }

  /// The files to store now. None while as many, or more, are being stored.
  ///
  /// Fetches that end store their files at once, so there may be more.
  static func nextStores(
    of files: [ArchivedFile], beside storing: Set<SpoolKey>, at time: Timestamp
  ) -> [ArchivedFile] {
    Array(
      files.filter { $0.dueAt <= time && !storing.contains($0.spoolKey) }
        .prefix(max(0, maxStores - storing.count)))
  }

  /// Lets the queue be measured soon after a change, and not with each.
  func noteChange() { measureDueAt = min(measureDueAt, now + Self.lookPause) }

  func noteStoring(_ claim: StoreClaim, _ begins: Bool) {
    let sha256 = claim.file.sha256 ?? ""
    if begins {
      storing.insert(claim.key)
      storingBlobs[sha256, default: 0] += 1
    } else {
      storing.remove(claim.key)
      let count = storingBlobs[sha256, default: 1] - 1
      storingBlobs[sha256] = count > 0 ? count : nil
    }
  }

  func write<Value: Sendable>(
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value
  ) async throws(StorageError) -> Value {
    do throws(RecordingFailure) {
      return try await recorder.write(work).get()
    } catch {
      throw error.storageError
    }
  }

  /// Commits the result of a transfer, which is tried until the store takes it.
  ///
  /// An ending daemon tries it once, and leaves the claim to the next one.
  ///
  /// - Returns: nil where it was not committed.
  func persist<Value: Sendable>(
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value
  ) async -> Value? {
    while true {
      do throws(StorageError) {
        return try await write(work)
      } catch {
        guard error.concernsWholeStore, await loop.pause(for: Self.pauseAfterFailure) else { return nil }
      }
    }
  }
}

extension ArchivedFile {
  var spoolKey: SpoolKey { SpoolKey(job: job, index: Int(n)) }
}
