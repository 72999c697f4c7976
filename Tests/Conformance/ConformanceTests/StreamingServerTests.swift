import Conformance
import LiveDaemon
import Testing

/// A server of streaming routes, over TCP, against all cases but those of the daemon's own routes.
///
/// A stream must look like a whole message to any client: the same framing, refusals, closes and splits.
@Suite(StreamingScope()) struct StreamingServerTests {
  static let bodyLimit = 64 * 1024

  static func site(port: Int) -> Site {
    var site = Site(
      main: Endpoint(
        address: "127.0.0.1", port: port, getTarget: StreamingServer.getTarget,
        postTarget: StreamingServer.postTarget),
      acceptedStatuses: [200])
    site.limits = SiteLimits(body: bodyLimit)
    site.offers = [.limits, .strictMethods, .trailingSlash]
    return site
  }

  /// The names do not depend on the port.
  private static let names = Suite.cases(for: site(port: 0)).filter {
    $0.needs.isSubset(of: site(port: 0).offers)
  }.map(\.id)

  private func find(_ name: String) throws -> (PreparedCase, Runner) {
    let server = try #require(StreamingServer.current)
    return (try #require(server.cases[name]), server.runner)
  }

  @Test func nearlyAllCasesApply() {
    #expect(Self.names.count >= 680, "\(Self.names.count)")
  }

  /// A problem that a handler finds in the body is a response like any other.
  @Test func aStreamMayBeRefusedAfterItsBody() throws {
    let server = try #require(StreamingServer.current)
    let connection = try HTTPConnection(host: "127.0.0.1", port: server.port)
    for id in ["a", "b"] {
      try connection.send(
        "POST /refusals/\(id) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
          .utf8)
      let answer = try connection.receive()
      #expect(answer.status == 409 && answer.code == "conflict" && answer.text.contains("\(id) is taken"))
    }
  }

  @Test(arguments: names) func allowedAnswer(_ name: String) throws {
    let (prepared, runner) = try find(name)
    let exchange = runner.run(prepared)
    let verdict = exchange.verdict
    let came = Report.escaped(exchange.received, limit: 400)
    let mistakes = verdict.faults.map(\.rawValue)
    if let reason = prepared.item.chosenStrictness {
      #expect(verdict.kind == .stricter && mistakes.isEmpty, "\(reason), but it came otherwise: \(came)")
    } else {
      #expect(verdict.passes, "\(verdict.kind) \(verdict.outcome) \(mistakes): \(came)")
    }
  }

  @Test(arguments: names) func sameAnswerByteByByte(_ name: String) throws {
    let (prepared, runner) = try find(name)
    // Beyond the server's limits single bytes show nothing new, and take long.
    guard prepared.texts.allSatisfy({ $0.count <= 4 * 1024 }) else { return }
    let whole = runner.run(prepared).verdict.outcome
    let single = runner.run(prepared, .byteByByte).verdict.outcome
    #expect(single.isSame(as: whole), "\(single) in single bytes, \(whole) as a whole")
  }
}

/// Runs the suite's tests against one server.
struct StreamingScope: SuiteTrait, TestScoping {
  @concurrent func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
  ) async throws {
    let server = try StreamingServer(bodyLimit: StreamingServerTests.bodyLimit)
    defer { server.stop() }
    try await StreamingServer.$current.withValue(server) { try await function() }
  }
}
