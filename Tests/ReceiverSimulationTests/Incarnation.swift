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
@testable import Scheduler
import Simulation
import StandardWebhooks
import Store
import Synchronization
@testable import System
@testable import WebhookIntake

/// One life of the daemon, from opening its store to its end, on one thread: the loop of a listener that serves both
/// purposes, and the committer between its turns.
final class Incarnation {
  let loop: EventLoop
  private let server: Server
  private let queue = CommitQueue()
  private let writer: StoreWriter
  private let committer: Committer
  /// Nil: answers come from the committer, as they should.
  private let liar: Committer?
  /// What the liar has acknowledged and nobody has committed.
  private var owed: [Delivery] = []
  private let path: String
  private let progress = Progress()
  /// What was handed over and is not committed yet.
  private var waiting: [CommitQueue.Submission] = []

  private final class Progress: Sendable {
    let hasEnded = Atomic(false)
  }

  /// Nothing is logged: what goes wrong on purpose would be told a thousand times.
  private static let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
  /// Nobody reads them, and a thousand counters take as long to make as a request takes.
  private static let metrics = Metrics(secretCount: 1)
  private static let sink = Result { try LogSink() }

  /// - Parameter liar: where answers come from before the commit: a flaw that must be noticed.
  init(
    kernel: SimulatedKernel, path: String, limits: ServerLimits, secret: Secret, liar: MemoryDisk?
  ) throws {
    self.path = path
    writer = try StoreWriter(path: path, busyTimeout: 0, restore: ErasedBody.restore)
    committer = Committer(
      writer: writer, queue: queue, checkpointer: Checkpointer(), metrics: Self.metrics, logger: Self.logger)
    self.liar = try liar.map { [queue] disk in
      Committer(
        writer: try StoreWriter(path: disk.path, busyTimeout: 0, restore: ErasedBody.restore), queue: queue,
        checkpointer: Checkpointer(), metrics: Self.metrics, logger: Self.logger)
    }
    loop = EventLoop(kernel: kernel)
    let handler = try Self.handler(
      loop: loop, queue: queue, path: path, secret: secret, bodyLimit: limits.message.maxBodyBytes)
    server = Server(loop: loop, limits: limits, handler: handler)
    let listener = try kernel.listen(on: .ipv4(host: "127.0.0.1", port: 80), mode: nil, backlog: 8)
    loop.start { [server, progress] in
      // A simulated listener can always be watched.
      _ = try? await server.run(listeningOn: [ServerSocket(descriptor: listener.descriptor)])
      progress.hasEnded.store(true, ordering: .relaxed)
    }
  }

  private static func handler(
    loop: EventLoop, queue: CommitQueue, path: String, secret: Secret, bodyLimit: Int
  ) throws -> sending ListenerHandler {
    let recorder = Recorder(loop: loop, queue: queue)
    return ListenerHandler(
      webhooks: WebhookEndpoint(
        loop: loop, secrets: WebhookSecrets([secret]), toleranceSeconds: 300, rules: OutputRules(),
        token: JobToken(key: Array(repeating: 1, count: 32)), recorder: recorder, metrics: metrics,
        deliveryLog: LineLogHandler(level: .critical, format: .text, sink: try sink.get()),
        bodyLimit: bodyLimit, verificationFailed: {}),
      api: JobsEndpoint(
        loop: loop, reader: try StoreReader(path: path, busyTimeout: 0), recorder: recorder,
        orders: OrdersEndpoint(
          loop: loop, recorder: recorder, metrics: metrics, isConfigured: false, bodyLimit: bodyLimit,
          maxQueued: .max, wakeProvider: {}),
        pace: CreationPace(), access: APIAccess(tokens: []), lifecycle: Lifecycle(), metrics: metrics),
      trustedProxies: .none, metrics: metrics, logger: logger,
      refusalLog: RefusalLog(loop: loop, logger: logger))
  }

  var hasEnded: Bool { progress.hasEnded.load(ordering: .relaxed) }
}

// MARK: - Writing

extension Incarnation {
  /// Takes what the loop has handed over since; true where something waits to be committed.
  func gather() -> Bool {
    if !owed.isEmpty {
      _ = try? writer.commit(owed)
      owed = []
    }
    waiting += queue.submissions.popAll(timeout: .zero) ?? []
    return !waiting.isEmpty
  }

  /// Commits what waits, and answers.
  func commit() {
    let batch = waiting
    waiting = []
    guard let liar else { return committer.process(batch) }
    owed += batch.compactMap { if case .delivery(let delivery, _) = $0 { delivery } else { nil } }
    liar.process(batch)
  }

  /// What the checkpointer's thread does; a failure of it is of no account.
  func checkpoint() {
    _ = try? StoreCheckpointer(path: path).checkpoint()
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

  /// After the last answer: what the writer's thread does when its queue is closed.
  func finish() {
    committer.finish()
    _ = vanish()
  }

  /// Runs what is left of a process that is dead to its end, so that its memory is given back. Nothing of it reaches the
  /// network or the disk.
  ///
  /// - Returns: false where it does not end.
  func vanish() -> Bool {
    abort()
    for _ in 0..<10_000 {
      loop.turn(waits: false)
      if gather() { commit() }
      // What tasks hold is given back when they have run to their ends.
      if hasEnded && !loop.isBusy { return true }
    }
    return false
  }
}
