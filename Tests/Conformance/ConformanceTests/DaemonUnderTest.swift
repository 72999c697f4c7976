import Conformance
import LiveDaemon
import Testing

/// The built daemon as a process, shared by all tests.
final class DaemonUnderTest: Sendable {
  @TaskLocal static var current: DaemonUnderTest?

  /// The limits in the daemon's settings.
  ///
  /// They are small, so that the exact limit cases are quick.
  static let bodyLimit = 64 * 1024

  let runner: Runner
  /// By name.
  let cases: [String: PreparedCase]
  private let daemon: Guarded<Daemon>

  init() throws {
    let daemon = try Daemon(
      in: try TemporaryFolder(), environment: ["MAX_BODY": "\(Self.bodyLimit / 1024)KiB"])
    let site = Site.daemon(
      main: Endpoint(
        address: "127.0.0.1", port: daemon.webhookPort, getTarget: "/healthz",
        postTarget: "/webhooks/replicate"),
      entityTag: Endpoint(
        address: "127.0.0.2", port: daemon.apiPort, getTarget: "/jobs/conformance", postTarget: "/jobs",
        probeTarget: "/readyz"),
      bodyLimit: Self.bodyLimit)
    let runner = Runner(site: site, timeout: .seconds(20))
    self.runner = runner
    let prepared = Suite.cases(for: site).compactMap { runner.prepare($0) }
    cases = Dictionary(prepared.map { ($0.item.id, $0) }) { first, _ in first }
    // A job with an entity tag, for responses without content.
    let answer = try daemon.post(SignedDelivery(id: "msg_1", prediction: "conformance", status: "succeeded"))
    guard answer.status == 200 else { throw Unusable(answer.text) }
    self.daemon = Guarded(daemon)
  }

  func stop() {
    daemon.withLock { $0.killAtOnce() }
  }
}

/// Runs the suite's tests against one daemon.
struct DaemonScope: SuiteTrait, TestScoping {
  @concurrent func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
  ) async throws {
    let daemon = try DaemonUnderTest()
    defer { daemon.stop() }
    try await DaemonUnderTest.$current.withValue(daemon) { try await function() }
  }
}
