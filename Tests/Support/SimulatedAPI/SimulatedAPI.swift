internal import APITokens
internal import ChangeFeed
internal import ClientAddress
package import EventLoop
@testable internal import GroupCommit
package import HTTPServer
internal import HTTPWire
internal import Jobs
package import JobsAPI
package import Ledger
internal import Logging
package import StoreSeam
internal import Routing
internal import Samples
@testable internal import Scheduler
package import Simulation
internal import StoreFixture
internal import Synchronization
internal import System
package import Time

/// The jobs API over a store, on a simulated kernel, driven turn by turn.
///
/// Commits come from the test's own thread. They are published as the commit thread would publish them.
package final class SimulatedAPI {
  package let kernel: SimulatedKernel
  package let loop: EventLoop
  package let ledger: Ledger
  package let reader: any StoreReader
  private let backend: any StoreBackend
  /// The epoch of the store, which each cursor names.
  package let epoch: String
  private let server: Server
  private let handler: RouteHandler
  private let feed = ChangeFeed()
  /// The submissions of the loop, which ``settle()`` commits.
  private let queue = CommitQueue()
  private let committer: Committer
  private let hasEnded = Flag()
  private var deliveryCount = 0

  private final class Flag: Sendable {
    let value = Atomic(false)
  }

  /// - Parameters:
  ///   - limits: of the server.
  ///   - capabilities: whose routes and members are served beside those of jobs.
  ///   - session: how long the session lasts that every request has; nil where nothing is required.
  ///   - orders: what can be ordered. By default there is no token for the provider's API.
  package init(
    seed: UInt64 = 1, faults: SimulatedKernel.Faults = .none, limits: ServerLimits = ServerLimits(),
    capabilities: [any Capability] = [], session: Duration? = nil,
    orders: OrdersEndpoint.Limits = OrdersEndpoint.Limits(
      isConfigured: false, maxBodyBytes: 1024, maxQueued: 0)
  ) throws {
    let proxies = try TrustedProxies(parsing: "192.0.2.1")
    kernel = SimulatedKernel(seed: seed, faults: faults)
    loop = EventLoop(kernel: kernel)
    backend = try StoreKind.current.makeBackend(isDurable: false)
    let reactions = ReactionContext(copies: capabilities.compactMap(\.keptCopies))
    ledger = Ledger(
      store: try backend.open(tables: capabilities.flatMap { type(of: $0).tables }),
      hooks: capabilities.compactMap(\.hook), reactions: capabilities.compactMap { $0.reaction(reactions) })
    let logger = Logger(label: "simulated") { _ in SwiftLogNoOpLogHandler() }
    committer = Committer(
      ledger: ledger, queue: queue, metrics: CommitMetrics(queue: queue), logger: logger,
      didCommit: feed.publish, didAnnounce: feed.announce)
    reader = try backend.openReader()
    epoch = try Self.value(on: loop) { [reader = Alone(reader)] in
      try await reader.value.feedPosition().epoch
    }
    let views = JobViews(
      loop: loop, reader: reader, pace: CreationPace(), adding: capabilities.compactMap(\.jobMembers),
      owners: capabilities.compactMap(\.jobOwner))
    let metrics = JobsAPIMetrics()
    let changes = feed.makeReceiver(on: loop)
    let access = APIAccess(
      tokens: TokenList(session == nil ? [] : [BearerToken(Self.apiToken)].compactMap(\.self)),
      sessions: session.map {
        SimulatedSessions(end: views.now.advanced(byMilliseconds: $0.components.seconds * 1000))
      }, readTokens: SimulatedTokens(),
      now: session == nil ? { .distantFuture } : { views.now })
    let reads = JobReads(views: views, changes: changes, metrics: metrics, trustedProxies: proxies)
    let recorder = Recorder(loop: loop, queue: queue)
    let context = APIContext(
      views: views, access: access, reads: reads, metrics: metrics, recorder: recorder, changes: changes,
      keys: StoredKeys([:]), limits: orders,
      callbackCheck: capabilities.lazy.compactMap(\.callbackCheck).first,
      announced: capabilities.compactMap(\.announcedDocuments), wakeScheduler: {})
    let ordering = OrdersEndpoint(
      views: views, access: access, reads: reads, recorder: recorder, metrics: metrics, limits: orders,
      wakeScheduler: {})
    handler = RouteHandler(
      try RouteTable(
        JobsEndpoint(views: views, access: access, reads: reads).routes + ordering.routes
          + capabilities.flatMap { $0.routes(context) }))
    server = Server(loop: loop, limits: limits, handler: handler, trustedProxies: proxies, tls: nil)
    let descriptor = try kernel.listen(on: .ipv4(host: "127.0.0.1", port: 80), mode: nil, backlog: 8)
      .descriptor
    loop.start { [server, hasEnded] in
      _ = try? await server.run(listeningOn: [ServerSocket(descriptor: descriptor)])
      hasEnded.value.store(true, ordering: .relaxed)
    }
    let services = ServiceContext(
      loop: loop, queue: queue, changes: changes, keys: StoredKeys([:]),
      announced: capabilities.compactMap(\.announcedDocuments), logger: logger,
      openReader: { [backend] () throws(StorageError) in try Self.reader(of: backend) },
      makeViews: { [backend, loop] () throws(StorageError) in
        JobViews(loop: loop, reader: try Self.reader(of: backend), pace: CreationPace())
      }, makeClient: { _, _ in throw NoValue() })
    for service in try capabilities.compactMap({ try $0.service(services) }) {
      loop.start { await service.run() }
    }
    settle()
  }

  /// The loop and what still waits on it hold each other, and the readers with their connections.
  deinit { backend.close() }

  private static func reader(
    of backend: any StoreBackend
  ) throws(StorageError) -> sending any StoreReader {
    do { return try backend.openReader() } catch { throw .corrupt("\(error)") }
  }

  /// The number of streams that are open.
  package var openStreams: Int { handler.openStreams }

  package var now: Timestamp { Timestamp(milliseconds: kernel.wallTimeMilliseconds) }

  /// The number of the last change of a job.
  package func change(of id: String) throws -> Int64 {
    try Self.value(on: loop) { [reader = Alone(reader)] in try await reader.value.job(id)?.change ?? 0 }
  }

  /// The cursor after the last change of a job.
  package func cursor(of id: String) throws -> String { "\(try change(of: id)).\(epoch)" }

  private struct NoValue: Error {}

  /// Runs `operation` on the loop to its end.
  private static func value<Value: Sendable>(
    on loop: EventLoop, _ operation: @escaping @Sendable () async throws -> Value
  ) throws -> Value {
    let result = Slot<Value>()
    loop.start {
      do { result.value = .success(try await operation()) } catch { result.value = .failure(error) }
    }
    repeat { loop.turn(waits: false) } while loop.isBusy
    guard let value = result.value else { throw NoValue() }
    return try value.get()
  }
}

/// What the thread that drives the simulation alone uses.
private struct Alone<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}

/// A result, set and read by the thread that drives the simulation.
private final class Slot<Value>: @unchecked Sendable {
  var value: Result<Value, any Error>?
}

// MARK: - Time

extension SimulatedAPI {
  /// Runs turns until only deadlines are left.
  package func settle() {
    repeat {
      repeat { loop.turn(waits: false) } while commitSubmissions() || loop.isBusy || kernel.hasReports
      guard !kernel.isQuiet else { return }
      loop.turn()
    } while true
  }

  /// - Returns: whether there were any.
  private func commitSubmissions() -> Bool {
    let submissions = queue.submissions.popAll(timeout: .zero) ?? []
    if !submissions.isEmpty { committer.process(submissions) }
    return !submissions.isEmpty
  }

  /// Lets so much time pass.
  package func advance(by duration: Duration) {
    var isOver = false
    kernel.after(duration) { [kernel] in
      isOver = true
      // Else the clock would go on to the next deadline.
      kernel.wake()
    }
    while !isOver {
      // What is submitted is committed before time passes.
      let hasCommitted = commitSubmissions()
      loop.turn(waits: !hasCommitted && !loop.isBusy)
    }
    settle()
  }

  package func drain() {
    loop.start { [server] in await server.drain() }
    settle()
  }

  package var isOver: Bool { hasEnded.value.load(ordering: .relaxed) }
}

// MARK: - Requests

extension SimulatedAPI {
  /// Sends a request on a connection of its own.
  ///
  /// - Parameters:
  ///   - fields: as `name: value`.
  ///   - body: JSON. Nil for none.
  ///   - room: the bytes that the client takes before it reads.
  package func send(
    _ target: String, method: String = "GET", fields: [String] = [], body: String? = nil, room: Int = .max
  ) -> SimulatedResponse {
    let peer = kernel.connect(room: room)
    var lines = ["\(method) \(target) HTTP/1.1", "Host: localhost"] + fields
    if let body { lines += ["Content-Type: application/json", "Content-Length: \(body.utf8.count)"] }
    kernel.send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? "")).utf8), from: peer)
    settle()
    return SimulatedResponse(peer)
  }
}

// MARK: - Commits

extension SimulatedAPI {
  /// Commits and publishes.
  package func commit(_ commands: [any LedgerCommand]) throws {
    var rest = commands[...]
    while !rest.isEmpty {
      let commit = try ledger.commit(rest)
      rest = rest.dropFirst(commit.count)
      feed.publish(commit.changes)
    }
  }

  /// Commits a delivery, and lets its readers be answered.
  package func deliver(
    _ prediction: String, _ status: String, output: String = "null", model: String = "owner/model",
    naming job: String? = nil
  ) throws {
    try commit([delivery(of: prediction, status, output: output, model: model, naming: job)])
    settle()
  }

  package func delivery(
    of prediction: String, _ status: String, output: String = "null", model: String = "owner/model",
    naming job: String? = nil
  ) -> any LedgerCommand {
    deliveryCount += 1
    let phases: [String: Phase] = [
      "starting": .pending, "processing": .running, "succeeded": .succeeded, "failed": .failed,
      "canceled": .canceled,
    ]
    let body = #"{"id":"\#(prediction)","status":"\#(status)","input":{},"# + "\n\"output\":\(output)}"
    let delivery = Delivery(
      webhookID: "delivery-\(deliveryCount)", receivedAt: now,
      snapshot: Snapshot(
        predictionID: prediction, providerStatus: status, phase: phases[status], model: model,
        evidence: Evidence(
          logsSize: deliveryCount, outputSize: 0,
          digest: .repeating(UInt8(deliveryCount % 256)))),
      body: Array(body.utf8), namedJob: job)
    return LedgerWork(reading: .of(delivery)) { (transaction) throws(StorageError) in
      _ = try transaction.record(delivery)
    }
  }

  /// Commits a job that waits to be sent.
  package func order(_ id: String, model: String = "owner/model") throws {
    let order = Order(
      id: id, idempotencyKey: nil, digest: .repeating(1),
      request: Array(#"{"model":"\#(model)","input":{},"metadata":{"user":7}}"#.utf8), model: model,
      createdAt: now, timeout: nil, retries: 0,
      metadata: JobMetadata(
        text: Array(#"{"user":7}"#.utf8), members: [MetadataMember(key: "user", value: "7")]))
    try commit([LedgerWork { (transaction) throws(StorageError) in _ = try transaction.enqueue(order) }])
    settle()
  }

  package func deletion(of id: String, keptFor duration: Duration = .seconds(3600)) -> any LedgerCommand {
    let end = now.advanced(byMilliseconds: duration.components.seconds * 1000)
    return LedgerWork { (transaction) throws(StorageError) in
      _ = try transaction.deleteJob(id, tombstoneUntil: end)
    }
  }

  /// Deletes the tombstones that have expired.
  package func prune() throws {
    let now = now
    try commit([
      LedgerWork { (transaction) throws(StorageError) in
        _ = try transaction.prune(endedBefore: Timestamp(milliseconds: 0), at: now, after: 0, count: 100)
      }
    ])
  }

  package func delete(_ id: String) throws {
    try commit([deletion(of: id)])
    settle()
  }

  /// Changes what a capability adds to the document of the job with that number.
  package func touch(_ number: Int64) throws {
    try commit([LedgerWork { (transaction) throws(StorageError) in try transaction.touch(number) }])
    settle()
  }
}

/// The token of every job, which does not expire.
private struct SimulatedTokens: ReadTokenVerifier {
  func hasForm(_ text: String) -> Bool { text == SimulatedAPI.jobToken }

  func expiry(of token: String, for jobID: String, at now: Timestamp) -> Timestamp? {
    token == SimulatedAPI.jobToken ? now.advanced(byMilliseconds: 86_400_000) : nil
  }
}

/// The session of every request, until a moment.
private struct SimulatedSessions: SessionVerifier {
  let end: Timestamp

  func session(of head: RequestHead, at now: Timestamp) -> BrowserSession? {
    guard now < end, let token = BearerToken(SimulatedAPI.apiToken) else { return nil }
    return BrowserSession(expiry: end, token: token)
  }
}

extension SimulatedAPI {
  /// Opens everything where a session is required.
  package static let apiToken = "0123456789abcdef"

  /// Reads any job, as a token of that job does.
  package static let jobToken = "job-token"
}

// MARK: - The handler

/// Serves a table of routes, and makes the responses to refusals.
///
/// `@unchecked Sendable`: the thread that drives the simulation is the only one that uses it.
private final class RouteHandler: RequestHandler, RefusalHandler, @unchecked Sendable {
  private let routes: RouteTable
  private(set) var openStreams = 0

  init(_ routes: RouteTable) { self.routes = routes }

  func admit(_ head: RequestHead, from peer: Peer) -> Admission {
    routes.admit(head, from: peer, refusals: self)
  }

  func refuse(_ refusal: Refusal, from peer: Peer) -> Response { Problem(refusal).response }

  func refuse(
    _ problem: Problem, of head: RequestHead, at match: RouteTable.Match?, from peer: Peer
  ) -> Response {
    problem.response
  }

  func observe(_ event: ConnectionEvent) {
    switch event {
    case .streamOpened: openStreams += 1
    case .streamClosed: openStreams -= 1
    default: break
    }
  }
}
