import APITokens
import ClientAddress
@testable import Daemon
import EventLoop
import Foundation
@testable import GroupCommit
@testable import HTTPServer
@testable import HTTPWire
import Jobs
import Logging
@testable import Observability
import RefusedRequests
import Reload
@testable import Replicate
@testable import Routing
@testable import Scheduler
@testable import Settings
import Scratch
import ServerMetrics
import StandardWebhooks
import Synchronization
@testable import System
import Testing
@testable import WebhookIntake

/// The routes of the daemon's listeners.
@Suite final class ListenerRoutesTests {
  private let database: TemporaryDatabase
  private let metrics: DaemonMetrics
  private let settings: DaemonSettings
  private let logger: Logger
  private let store: RunningStore
  private let sink: LogSink
  private let loop: EventLoop

  init() throws {
    database = try TemporaryDatabase()
    let queue = CommitQueue()
    metrics = DaemonMetrics(secretCount: 1, purposes: ListenerPurpose.allCases, queue: queue)
    logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    settings = try Self.settings(path: database.path)
    store = try RunningStore(
      of: try StoreEngines.make(for: settings.database, logger: logger), for: settings, queue: queue,
      metrics: metrics.commits, logger: logger)
    sink = try LogSink()
    loop = EventLoop(kernel: try LinuxKernel())
  }

  deinit { store.stop() }

  private func table(for purpose: ListenerPurpose) throws -> RouteTable {
    try composition().routes(for: purpose, on: loop)
  }

  private static func settings(path: String) throws -> DaemonSettings {
    var reader = SettingsReader(
      variables: DaemonSettings.variables,
      environment: [
        "REPLICATE_WEBHOOK_SECRET": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "REPLICATE_API_TOKEN": "r8_of_a_stand_in",
        "DATABASE_URL": "sqlite:\(path)",
      ]
    ) { _ in nil }
    return try reader.read(DaemonSettings.init)
  }

  private func composition() throws -> Composition {
    defer { _ = sink.close() }
    return Composition(
      settings: settings, metrics: metrics, queue: store.queue,
      live: LiveSettings(
        access: settings.access, provider: settings.provider,
        secrets: WebhookSecrets(settings.intake.secrets)), token: store.token, keys: store.keys,
      mailbox: Mailbox(loop: EventLoop(kernel: try LinuxKernel())), readers: store.engine,
      deliveryLog: LineLogHandler(level: .critical, sink: sink), logger: logger)
  }

  private func declared(_ purpose: ListenerPurpose) throws -> Set<String> {
    Set(try table(for: purpose).routes.map { "\($0.method.name) \($0.path)" })
  }

  @Test func `each listener serves its own routes, and a shared one serves all`() throws {
    let (webhooks, api) = (try declared(.webhooks), try declared(.api))
    #expect(webhooks == ["POST /webhooks/replicate", "GET /healthz"])
    #expect(webhooks.intersection(api) == ["GET /healthz"])
    #expect(try declared(.shared) == webhooks.union(api))
  }

  @Test func `every declared route is documented and described`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let documents = try ["README.md", "deploy/docs/jobs.md"].map {
      try String(contentsOf: root.appendingPathComponent($0), encoding: .utf8)
    }.joined()
    for route in try table(for: .shared).routes {
      let text = "`\(route.method.name) \(route.path)"
      #expect(documents.contains(text + "`") || documents.contains(text + "?"), "\(text)")
      #expect(route.summary.hasSuffix(".") && !route.summary.contains("\n"), "\(text)")
      #expect(!route.name.contains("/") && !route.name.contains("{"), "\(text)")
    }
  }

  /// The response comes from the transaction, and repeats what a reader finds.
  @Test func `a created job is answered as it is read afterwards`() throws {
    let (composition, loop, responses) = (try composition(), loop, Responses())
    let body = #"{"id":"j1","model":"owner/model","input":{"a":1.50},"metadata":{"b":2},"retries":1}"#
    loop.start {
      if let table = try? composition.routes(for: .api, on: loop) {
        for line in ["POST /jobs", "GET /jobs/j1", "POST /jobs", "GET /jobs/j1"] {
          let response = await Self.response(to: line, body: line.hasPrefix("POST") ? body : "", from: table)
          responses.all.withLock { $0.append(response) }
        }
      }
      loop.stop()
    }
    loop.run()
    let all = responses.all.withLock { $0 }
    #expect(all.map(\.?.status) == [.accepted, .ok, .ok, .ok])
    let first = try #require(all.first ?? nil)
    #expect(String(decoding: first.body, as: UTF8.self).contains(#""input":{"a":1.50}"#))
    for response in all.dropFirst() {
      let response = try #require(response)
      #expect(response.body == first.body)
      for name in ["Content-Type", "ETag"] { #expect(Self.field(name, of: response) != nil) }
      #expect(Self.field("ETag", of: response) == Self.field("ETag", of: first))
    }
    #expect(Self.field("Location", of: first) == "/jobs/j1")
  }

  /// No route streams yet, so no request shows it.
  @Test func `open streams and refused ones are counted`() throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let listeners = ListenerMetrics(of: [])
    let handler = ListenerHandler(
      routes: try RouteTable([]), trustedProxies: .none, tokens: TokenList([]), metrics: listeners,
      logger: logger,
      refusalLog: RefusalLog(loop: loop, logger: logger))
    handler.observe(.streamOpened)
    handler.observe(.streamOpened)
    handler.observe(.streamClosed)
    #expect(listeners.openStreams.value == 1 && listeners.openConnections.value == 0)
    #expect(listeners.families.contains { $0.name == "replicate_webhookd_open_streams" })
    let response = handler.refuse(.tooManyStreams, from: Peer(named: .unixSocket))
    #expect(response.status == .serviceUnavailable && Self.field("Retry-After", of: response) == "5")
    #expect(String(decoding: response.body, as: UTF8.self).contains(#""code":"too_many_streams""#))
  }

  private final class Responses: Sendable {
    let all = Mutex<[Response?]>([])
  }

  private final class PlainRefusals: RefusalHandler {
    func refuse(
      _ problem: Problem, of head: RequestHead, at match: RouteTable.Match?, from peer: Peer
    ) -> Response { problem.response }
  }

  private static func field(_ name: String, of response: Response) -> String? {
    response.fields.first { $0.name == name }?.value
  }

  private static func response(to line: String, body: String, from table: RouteTable) async -> Response? {
    let content =
      body.isEmpty ? "" : "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
    let bytes = Array("\(line) HTTP/1.1\r\nHost: localhost\r\n\(content)\r\n".utf8)
    var parser = RequestHeadParser(limits: MessageLimits())
    guard let head = try? parser.parse(bytes.span) else { return nil }
    let (peer, refusals) = (Peer(named: .unixSocket), PlainRefusals())
    switch table.admit(head, from: peer, refusals: refusals) {
    case .refuse(let response): return response
    case .stream: return nil
    case .receive(_, _, let respond):
      return await respond(Request(head: head, body: Array(body.utf8), peer: peer))
    }
  }

  /// Only a load balancer's probes are open to everybody, and a page without data.
  @Test func `every other route requires a signature or a token`() throws {
    let open = try table(for: .shared).routes.filter { $0.access == .open }
    #expect(Set(open.map(\.path.description)).subtracting(["/"]) == ["/healthz", "/readyz"])
    #expect(open.allSatisfy { $0.method == .get && $0.maxBodyBytes == 0 })
  }

  @Test(
    arguments: [
      (["webhooks", "replicate"], "webhook"), (["webhooks", "replicate", ""], "webhook"), (["jobs"], "jobs"),
      (["jobs", ""], "jobs"), (["jobs", "a b"], "job"), (["jobs", "a", ""], "job"),
      (["jobs", "a", "history"], "history"), (["jobs", "a", "logs"], "logs"), (["jobs", "history"], "job"),
      (["healthz"], "healthz"), (["readyz", ""], "readyz"), (["jobs", "a", "cancel"], "cancel"),
      (["jobs", "a", "cancel", ""], "cancel"), (["jobs", "cancel"], "job"), (["metrics"], "metrics"),
      (["metrics", ""], "metrics"), ([], "*"),
      (["webhooks"], nil), (["webhooks", "replicate", "x"], nil), (["*"], nil),
      (["webhooks", "replicate", "", ""], "webhook"), (["Webhooks", "replicate"], nil),
      (["", "webhooks", "replicate"], "webhook"), (["webhooks", "", "replicate"], "webhook"),
      (["", "", "webhooks", "", "", "replicate", ""], "webhook"),
      (["", "webhooks", "", "replicate", "x"], nil), (["", "healthz"], "healthz"),
      (["", "jobs", "a"], "job"), (["jobs", "a", "", "history"], nil), (["", "jobs", "", "history"], nil),
      (["jobs", "", "a"], nil), (["jobs", "", ""], "jobs"), (["jobs", "a", "other"], nil),
      (["jobs", "", "history"], nil), (["jobs", "", "cancel"], nil), (["", "jobs"], "jobs"),
      (["jobs", "a", "Cancel"], nil), (["jobs", "a", "cancel", "b"], nil), (["metrics", "a"], nil),
    ] as [([String], String?)])
  func `a path leads to its route`(_ segments: [String], _ name: String?) throws {
    #expect(try table(for: .shared).match(segments)?.name == name)
  }
}
