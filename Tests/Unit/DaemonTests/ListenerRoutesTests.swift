@testable import Daemon
import EventLoop
import Foundation
@testable import GroupCommit
@testable import HTTPWire
import Logging
@testable import Observability
@testable import Replicate
@testable import Routing
@testable import Scheduler
@testable import Settings
import Scratch
import StandardWebhooks
import Store
@testable import System
import Testing
@testable import WebhookIntake

/// The routes of the daemon's listeners.
@Suite struct ListenerRoutesTests {
  private let database: TemporaryDatabase
  private let sink: LogSink
  private let loop: EventLoop

  init() throws {
    database = try TemporaryDatabase()
    _ = try StoreWriter(path: database.path)
    sink = try LogSink()
    loop = EventLoop(kernel: try LinuxKernel())
  }

  private func table(for purpose: ListenerPurpose) throws -> RouteTable {
    var reader = SettingsReader(
      variables: DaemonSettings.variables,
      environment: [
        "REPLICATE_WEBHOOK_SECRET": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "DATABASE_URL": "sqlite:\(database.path)",
      ]
    ) { _ in nil }
    let settings = try reader.read(DaemonSettings.init)
    let services = SharedServices(
      metrics: Metrics(secretCount: 1),
      deliveryLog: LineLogHandler(level: .critical, format: .text, sink: sink),
      lifecycle: Lifecycle(), queue: CommitQueue(), secrets: WebhookSecrets(settings.intake.secrets),
      token: JobToken(key: JobToken.makeKey()), mailbox: Mailbox(maxCallers: 1))
    defer { _ = sink.close() }
    return try ListenerRoutes(settings: settings, services: services).table(for: purpose, on: loop)
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

  /// Only a load balancer's probes are open to everybody.
  @Test func `every other route requires a signature or a token`() throws {
    let open = try table(for: .shared).routes.filter { $0.access == .open }
    #expect(Set(open.map(\.path.description)) == ["/healthz", "/readyz"])
    #expect(open.allSatisfy { $0.method == .get && $0.maxBodyBytes == 0 })
  }

  @Test(
    arguments: [
      (["webhooks", "replicate"], "webhook"), (["webhooks", "replicate", ""], "webhook"), (["jobs"], "jobs"),
      (["jobs", ""], "jobs"), (["jobs", "a b"], "job"), (["jobs", "a", ""], "job"),
      (["jobs", "a", "history"], "history"), (["jobs", "a", "logs"], "logs"), (["jobs", "history"], "job"),
      (["healthz"], "healthz"), (["readyz", ""], "readyz"), (["jobs", "a", "cancel"], "cancel"),
      (["jobs", "a", "cancel", ""], "cancel"), (["jobs", "cancel"], "job"), (["usage"], "usage"),
      (["usage", ""], "usage"), (["metrics"], "metrics"), ([], "*"), ([""], nil), (["", ""], nil),
      (["webhooks"], nil), (["webhooks", "replicate", "x"], nil), (["*"], nil),
      (["webhooks", "replicate", "", ""], "webhook"), (["Webhooks", "replicate"], nil),
      (["", "webhooks", "replicate"], "webhook"), (["webhooks", "", "replicate"], "webhook"),
      (["", "", "webhooks", "", "", "replicate", ""], "webhook"),
      (["", "webhooks", "", "replicate", "x"], nil), (["", "healthz"], "healthz"),
      (["", "jobs", "a"], "job"), (["jobs", "a", "", "history"], nil), (["", "jobs", "", "history"], nil),
      (["jobs", "", "a"], nil), (["jobs", "", ""], "jobs"), (["jobs", "a", "other"], nil),
      (["jobs", "", "history"], nil), (["jobs", "", "cancel"], nil), (["", "jobs"], "jobs"),
      (["jobs", "a", "Cancel"], nil), (["jobs", "a", "cancel", "b"], nil), (["usage", "a"], nil),
    ] as [([String], String?)])
  func `a path leads to its route`(_ segments: [String], _ name: String?) throws {
    #expect(try table(for: .shared).match(segments)?.name == name)
  }
}
