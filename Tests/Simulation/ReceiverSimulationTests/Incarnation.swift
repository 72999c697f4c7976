import ClientAddress
@testable import Daemon
import EventLoop
import FaultyDisk
@testable import GroupCommit
import HTTPServer
import HTTPWire
@testable import JobRequests
import Jobs
@testable import JobsAPI
import Logging
@testable import Observability
@testable import Replicate
import Routing
import SQLite
@testable import Scheduler
import Simulation
import StandardWebhooks
import Store
import Synchronization
@testable import System
@testable import WebhookIntake

/// One life of the daemon, from opening its store to its end.
///
/// It runs on one thread: the loop of a listener that serves both purposes, and the committer between its
/// turns.
final class Incarnation {
  let loop: EventLoop
  private let server: Server
  private let queue = CommitQueue()
  private let streams: StreamingRoute
  private let writer: StoreWriter
  private let committer: Committer
  /// The committer that answers before the real commit; nil without that flaw.
  private let earlyAck: Committer?
  /// Deliveries that `earlyAck` has acknowledged and that are not committed.
  private var uncommitted: [Delivery] = []
  private let path: String
  private let progress = Progress()
  /// Submissions that are not committed yet.
  private var waiting: [CommitQueue.Submission] = []

  private final class Progress: Sendable {
    let hasEnded = Atomic(false)
  }

  /// Discards log lines, because injected faults would fill the log.
  private static let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
  /// Shared and never read.
  ///
  /// Making a thousand counters takes as long as a request.
  private static let metrics = DaemonMetrics(secretCount: 1, purposes: [], queue: CommitQueue())
  private static let sink = Result { try LogSink() }

  /// - Parameter earlyAck: the disk of a committer that answers before the commit: a flaw that must be
  ///   detected.
  init(
    kernel: SimulatedKernel, path: String, limits: ServerLimits, secret: Secret, earlyAck: MemoryDisk?
  ) throws {
    self.path = path
    writer = try StoreWriter(path: path, busyTimeout: 0, restore: ErasedData.restore)
    committer = Committer(
      writer: writer, queue: queue, checkpointer: Checkpointer(), metrics: Self.metrics.commits,
      logger: Self.logger)
    self.earlyAck = try earlyAck.map { [queue] disk in
      Committer(
        writer: try StoreWriter(path: disk.path, busyTimeout: 0, restore: ErasedData.restore), queue: queue,
        checkpointer: Checkpointer(), metrics: Self.metrics.commits, logger: Self.logger)
    }
    let loop = EventLoop(kernel: kernel)
    self.loop = loop
    streams = StreamingRoute(loop: loop)
    let handler = try Self.handler(
      loop: loop, streams: streams, queue: queue, path: path, secret: secret,
      bodyLimit: limits.message.maxBodyBytes)
    server = Server(loop: loop, limits: limits, handler: handler)
    let listener = try kernel.listen(on: .ipv4(host: "127.0.0.1", port: 80), mode: nil, backlog: 8)
    loop.start { [server, progress] in
      // A simulated listener can always be watched.
      _ = try? await server.run(listeningOn: [ServerSocket(descriptor: listener.descriptor)])
      progress.hasEnded.store(true, ordering: .relaxed)
    }
  }

  private static func handler(
    loop: EventLoop, streams: StreamingRoute, queue: CommitQueue, path: String, secret: Secret, bodyLimit: Int
  ) throws -> sending ListenerHandler {
    let recorder = Recorder(loop: loop, queue: queue)
    let verifier = DeliveryVerifier(
      secrets: WebhookSecrets([secret]), toleranceSeconds: 300, metrics: metrics.intake, mismatched: {})
    guard let verifier else { preconditionFailure("OpenSSL has no HMAC-SHA256") }
    let webhooks = WebhookEndpoint(
      loop: loop, verifier: verifier,
      decoder: DeliveryDecoder(
        rules: OutputRules(), token: JobToken(key: Array(repeating: 1, count: 32)), metrics: metrics.intake),
      recorder: recorder, metrics: metrics.intake,
      deliveryLog: LineLogHandler(level: .critical, sink: try sink.get()),
      maxBodyBytes: bodyLimit)
    let reader = try StoreReader(path: path, busyTimeout: 0)
    let views = JobViews(loop: loop, reader: reader, pace: CreationPace())
    let access = APIAccess(tokens: [])
    let jobs = JobsEndpoint(views: views, access: access)
    let orders = OrdersEndpoint(
      views: views, access: access, recorder: recorder, metrics: metrics.jobsAPI,
      limits: OrdersEndpoint.Limits(isConfigured: false, maxBodyBytes: bodyLimit, maxQueued: .max),
      wakeScheduler: {})
    let probes = ProbesEndpoint(
      views: views, recorder: recorder, lifecycle: Lifecycle(), metrics: metrics.page, access: access)
    return ListenerHandler(
      routes: try RouteTable(webhooks.routes + jobs.routes + orders.routes + probes.routes + [streams.route]),
      trustedProxies: .none, metrics: metrics.listeners, logger: logger,
      refusalLog: RefusalLog(loop: loop, logger: logger))
  }

  var hasEnded: Bool { progress.hasEnded.load(ordering: .relaxed) }
}

// MARK: - Writing

extension Incarnation {
  /// Takes new submissions from the loop. True if any wait to be committed.
  func gather() -> Bool {
    if !uncommitted.isEmpty {
      _ = try? writer.commit(uncommitted)
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
    uncommitted += batch.compactMap { if case .delivery(let delivery, _) = $0 { delivery } else { nil } }
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

  /// Ends the writer after the last answer.
  ///
  /// The writer's thread does so when its queue is closed.
  func finish() {
    committer.finish()
    _ = discard()
  }

  /// Runs a dead process's tasks to their ends, to free its memory.
  ///
  /// None of it reaches the network or the disk.
  ///
  /// - Returns: false if it does not end.
  func discard() -> Bool {
    abort()
    for _ in 0..<10_000 {
      loop.turn(waits: false)
      if gather() { commit() }
      // Tasks free what they hold when they have run to their ends.
      if hasEnded && !loop.isBusy { return true }
    }
    return false
  }
}
