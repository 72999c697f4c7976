import Reload
import Ledger
import ChangeFeed
@testable import Daemon
import EventLoop
import FaultyDisk
@testable import GroupCommit
import HTTPClient
import HTTPServer
import JobsAPI
import Jobs
import Logging
@testable import Observability
@testable import Replicate
import SQLite
@testable import Scheduler
@testable import Settings
import Simulation
import StandardWebhooks
import StoreSeam
import SQLiteStore
import Synchronization
@testable import System
import WebhookIntake

/// One life of the daemon, from opening its store to its end.
///
/// It is the daemon's own ``Composition`` on one thread: the loop of a listener that serves both purposes,
/// and the committer between its turns.
final class Incarnation {
  let loop: EventLoop
  private let server: Server
  private let queue = CommitQueue()
  private let streams: StreamingRoute
  private let ledger: Ledger
  private let committer: Committer
  /// The committer that answers before the real commit; nil without that flaw.
  private let earlyAck: Committer?
  /// Deliveries that `earlyAck` has acknowledged and that are not committed.
  private var uncommitted: [Delivery] = []
  private let path: String
  private let progress = Progress()
  /// Submissions that are not committed yet.
  private var waiting: [CommitQueue.Entry] = []

  /// Runs the scheduler; nil without a client of the provider.
  private var schedulerTask: Task<Void, Never>?

  private final class Progress: Sendable {
    let serverHasEnded = Atomic(false)
    let schedulerHasEnded = Atomic(true)
  }

  /// Shared and never read.
  ///
  /// Making a thousand counters takes as long as a request.
  private static let metrics = DaemonMetrics(secretCount: 1, purposes: [], queue: CommitQueue())
  private static let sink = Result { try LogSink() }

  /// - Parameters:
  ///   - secrets: those that the settings lack, as fetched at the start.
  ///   - client: reaches the provider; nil for a daemon that only receives.
  ///   - epoch: that of a new database, or of a restored backup.
  ///   - earlyAck: the disk of a committer that answers before the commit: a flaw that must be detected.
  init(
    kernel: SimulatedKernel, settings: DaemonSettings, secrets: [Secret] = [],
    client: (any HTTPClient)? = nil, epoch: [UInt8] = epoch, earlyAck: MemoryDisk? = nil
  ) throws {
    let path = settings.database.path ?? ""
    self.path = path
    ledger = Ledger(of: try Self.store(at: path, epoch), for: settings)
    let feed = ChangeFeed()
    committer = Self.committer(ledger, queue, feed)
    self.earlyAck = try earlyAck.map { [queue] disk in
      let store = try Self.store(at: disk.path, Self.epoch)
      return Self.committer(Ledger(of: store, for: settings), queue, feed)
    }
    let loop = EventLoop(kernel: kernel)
    self.loop = loop
    streams = StreamingRoute(loop: loop)
    let composition = Composition(
      settings: settings, metrics: Self.metrics, queue: queue, feed: feed,
      live: LiveSettings(
        access: settings.access, provider: settings.provider,
        secrets: WebhookSecrets(settings.intake.secrets + secrets)),
      token: try JobToken(storedBy: ledger, newKey: Self.tokenKey),
      keys: try StoredKeys(storedBy: ledger, newKey: Self.tokenKey),
      mailbox: Mailbox(loop: loop), readers: SQLiteReaders(path: path, timeout: 0),
      deliveryLog: LineLogHandler(level: .critical, sink: try Self.sink.get()), logger: SimulationLog.logger)
    let listener = try kernel.listen(on: .ipv4(host: "127.0.0.1", port: 80), mode: nil, backlog: 8)
    server = try composition.serve(
      .shared, at: [ServerSocket(descriptor: listener.descriptor)], on: loop, also: [streams.route]
    ) { [progress] _ in progress.serverHasEnded.store(true, ordering: .relaxed) }
    guard let client else { return }
    let scheduler = try composition.scheduler(client: client)
    let services = try composition.services { _, _ in client }
    progress.schedulerHasEnded.store(false, ordering: .relaxed)
    schedulerTask = loop.start { [progress] in
      await withDiscardingTaskGroup { group in
        for service in services { group.addTask { await service.run() } }
        await scheduler.run()
      }
      progress.schedulerHasEnded.store(true, ordering: .relaxed)
    }
  }

  /// The key of job tokens in every simulated database.
  static let tokenKey: [UInt8] = Array(repeating: 1, count: 32)

  /// The epoch of every simulated database: a random one would make each run another.
  static let epoch: [UInt8] = Array(repeating: 2, count: SQLiteStore.epochSize)

  /// The epoch after a restored backup.
  static let restoredEpoch: [UInt8] = Array(repeating: 3, count: SQLiteStore.epochSize)

  /// The settings of every simulated daemon, which a simulation varies.
  static let settings = Result {
    var reader = SettingsReader(
      variables: DaemonSettings.variables,
      environment: ["REPLICATE_WEBHOOK_SECRET": Signing.secretText, "DATABASE_URL": "sqlite:unset"]
    ) { _ in nil }
    return try reader.read(DaemonSettings.init)
  }

  private static func store(at path: String, _ epoch: [UInt8]) throws -> sending SQLiteStore {
    try SQLiteStore(path: path, busyTimeout: 0, tables: Capabilities.tables, newEpoch: epoch)
  }

  private static func committer(
    _ ledger: Ledger, _ queue: CommitQueue, _ feed: ChangeFeed
  ) -> Committer {
    Committer(
      ledger: ledger, queue: queue, metrics: metrics.commits, logger: SimulationLog.logger,
      didCommit: feed.publish, didAnnounce: feed.announce)
  }

  /// Whether every connection is closed. The scheduler goes on until ``finish()``.
  var hasEnded: Bool { progress.serverHasEnded.load(ordering: .relaxed) }
}

// MARK: - Writing

extension Incarnation {
  /// Takes new submissions from the loop. True if any wait to be committed.
  func gather() -> Bool {
    if !uncommitted.isEmpty {
      _ = try? ledger.commit(uncommitted)
      uncommitted = []
    }
    waiting += queue.submissions.popAll(timeout: .zero) ?? []
    return !waiting.isEmpty
  }

  /// Commits the waiting submissions, and answers them.
  func commit() {
    let batch = waiting
    waiting = []
    // As a feed of changes would.
    defer { streams.signalAll() }
    guard let earlyAck else { return committer.process(batch) }
    uncommitted += batch.compactMap { entry in
      if case .command(let command) = entry { (command as? DeliverySubmission)?.delivery } else { nil }
    }
    earlyAck.process(batch)
  }

  /// Runs one checkpoint, as the checkpointer's thread does; a failure is ignored.
  func checkpoint() {
    _ = try? DatabaseCheckpointer(path: path).checkpoint()
  }
}

// MARK: - Ending

extension Incarnation {
  func drain() {
    loop.start { [server] in await server.drain() }
  }

  func abort() {
    loop.start { [server] in await server.abort() }
  }

  /// Ends the scheduler, then the writer after the last answer.
  ///
  /// The writer's thread does so when its queue is closed.
  func finish() {
    _ = discard()
    committer.finish()
  }

  /// Runs all tasks to their ends, to free their memory.
  ///
  /// Those of a dead process reach neither the network nor the disk.
  ///
  /// - Returns: false if one does not end.
  func discard() -> Bool {
    abort()
    schedulerTask?.cancel()
    for _ in 0..<10_000 {
      loop.turn(waits: false)
      if gather() { commit() }
      // Tasks free what they hold when they have run to their ends.
      if hasEnded, progress.schedulerHasEnded.load(ordering: .relaxed), !loop.isBusy { return true }
    }
    return false
  }
}
