@testable import Callbacks
import ChangeFeed
import EventLoop
@testable import GroupCommit
import HTTPClient
import Jobs
import JobsAPI
import Ledger
import StoreSeam
import Logging
@testable import Observability
import Routing
@testable import Scheduler
import Simulation
import StandardWebhooks
import StoreFixture
import Tables
@testable import System
@testable import Time

/// The sender on a simulated kernel, over a store of the kind that the suite runs on.
///
/// The test's thread runs the loop, and commits between its turns.
final class SimulatedSender {
  let kernel: SimulatedKernel
  let app: SimulatedApp
  let backend: any StoreBackend
  let rules: ReceiverRules
  let chains = ChainDocuments()
  private(set) var metrics = CallbackMetrics()
  private let lines = LogLines()
  private var process: Process?
  private var deliveries = 0

  /// One life of the daemon.
  private struct Process {
    let loop: EventLoop
    let queue: CommitQueue
    let committer: Committer
    let recorder: Recorder
    let task: Task<Void, Never>
  }

  init(url: String? = "https://app.example.com/hook", hosts: String = "", seed: UInt64 = 1) throws {
    kernel = SimulatedKernel(seed: seed, faults: .none)
    app = SimulatedApp(kernel)
    backend = try StoreKind.current.makeBackend(isDurable: false)
    rules = try CallbackStore.rules(url: url, hosts: hosts)
    try start()
  }

  deinit {
    try? kill()
  }

  var log: String { lines.text }
  var now: Timestamp { Timestamp(milliseconds: kernel.wallTimeMilliseconds) }

  /// Starts the daemon on what the store holds.
  func start() throws {
    let (loop, queue, feed) = (EventLoop(kernel: kernel), CommitQueue(), ChangeFeed())
    let logger = Logger(label: "test") { [lines] _ in lines }
    let hook = CallbackHook(hasURL: rules.shared != nil, acceptsTargets: !rules.hosts.isEmpty)
    let ledger = Ledger(store: try backend.open(tables: CallbackStore.tables), hooks: [hook])
    let committer = Committer(
      ledger: ledger, queue: queue, metrics: CommitMetrics(queue: queue), logger: logger,
      didCommit: feed.publish, didAnnounce: feed.announce)
    let sender = CallbackSender(
      loop: loop, queue: queue, feed: feed.makeReceiver(on: loop),
      views: JobViews(loop: loop, reader: try backend.openReader(), pace: Mailbox(loop: loop).pace),
      announced: [chains], reader: try backend.openReader(), client: app, rules: rules,
      keys: SigningKeys(configured: []),
      metrics: metrics, logger: logger)
    let task = loop.start { await sender.run() }
    process = Process(
      loop: loop, queue: queue, committer: committer, recorder: Recorder(loop: loop, queue: queue),
      task: task)
  }

  /// Runs until the claims of a daemon that was killed are taken over.
  ///
  /// Where other processes write the store, too, they end with their leases.
  func runUntilTakeover() {
    run(for: .seconds(1))
    guard StoreKind.current == .postgresql else { return }
    run(for: .seconds(60))
  }

  /// Ends the daemon: what it has not committed is lost.
  func kill() throws {
    guard let process else { return }
    self.process = nil
    app.forgetCalls()
    process.task.cancel()
    for _ in 0..<1000 {
      process.loop.turn(waits: false)
      for entry in process.queue.submissions.popAll(timeout: .zero) ?? [] {
        if case .command(let command) = entry { command.resume(.overloaded) }
      }
      if !process.loop.isBusy { break }
    }
  }

  // MARK: Running

  /// Runs for so long on the simulated clock.
  func run(for duration: Duration) {
    let end = kernel.monotonicTime + duration
    kernel.after(duration) { [kernel] in kernel.wake() }
    while kernel.monotonicTime < end {
      settle()
      process?.loop.turn(waits: true)
    }
    settle()
  }

  private func settle() {
    guard let process else { return }
    var hasCommitted = false
    repeat {
      process.loop.turn(waits: false)
      let submissions = process.queue.submissions.popAll(timeout: .zero) ?? []
      hasCommitted = !submissions.isEmpty
      if hasCommitted { process.committer.process(submissions) }
    } while hasCommitted || process.loop.isBusy || kernel.hasReports
  }

  // MARK: Jobs

  /// Records a delivery that ends the job of a prediction, or reports that it runs.
  func deliver(_ phase: Phase, of prediction: String, naming job: String? = nil) {
    deliveries += 1
    let polled = Sample.polled(.webhook, of: prediction, phase, at: now, logs: deliveries)
    let delivery = Delivery(
      webhookID: "delivery-\(deliveries)", receivedAt: now, snapshot: polled.snapshot, body: polled.body,
      namedJob: job)
    write { transaction throws(StorageError) in _ = try transaction.record(delivery) }
  }

  /// Creates a job that is notified at `url`.
  func place(_ id: String, url: String, events: Set<String> = []) {
    let order = OrderedStore.order(
      id, request: #"{"model":"owner/model","input":{}}"#, at: now,
      callback: Order.Callback(url: url, events: events))
    write { transaction throws(StorageError) in _ = try transaction.enqueue(order) }
  }

  func write(_ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Void) {
    guard let process else { return }
    let recorder = Unshared(process.recorder)
    process.loop.start { _ = await recorder.value.write(work) }
    settle()
  }

  func rows() async throws -> [CallbackRow] {
    try await backend.openReader().rows(TableQuery(CallbackTable.declaration, limit: 100_000)).compactMap {
      CallbackRow($0)
    }
  }
}

/// The documents of subjects that tests announce.
final class ChainDocuments: AnnouncedDocuments {
  /// By the ids of the chains that there are. Nil for a document that cannot be read now.
  let documents = Lock<[String: String?]>([:])

  let prefix = "chain."

  func number(of subject: String, in views: JobViews) async throws(Problem) -> Int64? {
    documents.withLock { $0[subject] } == nil ? nil : CallbackStore.number(of: subject)
  }

  func document(of subject: String, in views: JobViews) async throws(Problem) -> [UInt8]? {
    guard let known = documents.withLock({ $0[subject] }) else { return nil }
    guard let known else { throw .unavailable(.storeUnavailable, "the chain could not be read") }
    return Array(known.utf8)
  }
}

/// A value that one thread uses.
struct Unshared<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}

/// The lines of a log.
final class LogLines: LogHandler, @unchecked Sendable {
  var text = ""
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    text += "\(event.message) \(event.metadata ?? [:])\n"
  }
}

/// The receivers of callbacks, on the kernel's clock.
///
/// `@unchecked Sendable`: one thread runs all.
final class SimulatedApp: HTTPClient, @unchecked Sendable {
  typealias Reply = Result<HTTPClientResponse, HTTPClientError>

  /// A try that has arrived.
  struct Try {
    let url: String
    let id: String
    let type: String
    let job: String
    let request: HTTPClientRequest
    let time: MonotonicTime
  }

  private let kernel: SimulatedKernel
  private(set) var tries: [Try] = []
  private(set) var accepted: [Try] = []
  private(set) var maxInFlight: [String: Int] = [:]
  private var inFlight: [String: Int] = [:]
  private var calls: [Int: UnsafeContinuation<Reply, Never>] = [:]
  /// How a try is answered, and after which time.
  var answer: (Try) -> (Reply, Duration) = { _ in
    (.success(HTTPClientResponse(status: 200)), .milliseconds(5))
  }

  init(_ kernel: SimulatedKernel) { self.kernel = kernel }

  func send(_ request: HTTPClientRequest) async -> Reply {
    await withUnsafeContinuation { continuation in
      let fields = request.fields.first { $0.hasPrefix("webhook-id: ") } ?? ""
      let body = String(decoding: request.body ?? [], as: UTF8.self)
      let arrived = Try(
        url: request.url, id: String(fields.dropFirst("webhook-id: ".count)),
        type: body.value(after: #"{"type":""#), job: body.value(after: #""data":{"id":""#), request: request,
        time: kernel.monotonicTime)
      tries.append(arrived)
      let (number, host) = (tries.count, Receiver.name(ofURL: request.url))
      inFlight[host, default: 0] += 1
      maxInFlight[host] = max(maxInFlight[host] ?? 0, inFlight[host] ?? 0)
      maxInFlight["all"] = max(maxInFlight["all"] ?? 0, inFlight.values.reduce(0, +))
      calls[number] = continuation
      let (reply, duration) = answer(arrived)
      if case .success(let answer) = reply, 200...299 ~= answer.status { accepted.append(arrived) }
      kernel.after(min(duration, request.timeout)) { [self] in
        guard let waiting = calls.removeValue(forKey: number) else { return }
        inFlight[host, default: 0] -= 1
        waiting.resume(returning: duration < request.timeout ? reply : .failure(.unanswered("timed out")))
        kernel.wake()
      }
    }
  }

  /// The process that made them is gone.
  func forgetCalls() {
    for waiting in calls.values { waiting.resume(returning: .failure(.unanswered("gone"))) }
    calls = [:]
    inFlight = [:]
  }
}

extension String {
  /// The text from the end of `prefix` to the next quote.
  fileprivate func value(after prefix: String) -> String {
    guard let range = firstRange(of: prefix) else { return "" }
    return String(self[range.upperBound...].prefix { $0 != "\"" })
  }
}
