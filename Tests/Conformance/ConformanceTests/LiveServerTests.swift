import Conformance
import LiveDaemon
import Testing

/// The built daemon, over TCP, against every case.
///
/// The response must be one that the RFCs allow, and the same however the request is split. A test blocks its
/// thread while it waits, so no more connections are open than there are test threads.
@Suite(DaemonScope()) struct LiveServerTests {
  /// The names do not depend on the port.
  ///
  /// The cases at a limit do.
  private static let names = Suite.cases(
    for: .daemon(
      main: Endpoint(address: "127.0.0.1", port: 0, getTarget: "/healthz", postTarget: "/webhooks/replicate"),
      entityTag: nil, bodyLimit: DaemonUnderTest.bodyLimit)
  ).map(\.id)

  private func find(_ name: String) throws -> (PreparedCase, Runner) {
    let daemon = try #require(DaemonUnderTest.current)
    return (try #require(daemon.cases[name]), daemon.runner)
  }

  @Test func namesAreUnique() {
    #expect(Set(Self.names).count == Self.names.count)
    #expect(Self.names.count >= 700)
  }

  @Test func casesOfSmugglingAreOnThePage() throws {
    let groups: [CaseGroup] = [.contentLength, .transferEncoding, .chunked]
    let count = Self.names.count { name in groups.contains { name.hasPrefix("\($0.rawValue)/") } }
    #expect(try SecurityPage.has("\(count) cases of Content-Length"), "\(count)")
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
    guard prepared.texts.allSatisfy({ $0.count <= 24 * 1024 }) else { return }
    let whole = runner.run(prepared).verdict.outcome
    let single = runner.run(prepared, .byteByByte).verdict.outcome
    #expect(single.isSame(as: whole), "\(single) in single bytes, \(whole) as a whole")
  }

  @Test(arguments: names) func sameAnswerInTwoParts(_ name: String) throws {
    let (prepared, runner) = try find(name)
    let whole = runner.run(prepared).verdict.outcome
    let isPlain = ["method/get", "method/post", "chunked/one"].contains(name)
    for place in prepared.boundaries(full: isPlain) {
      let split = runner.run(prepared, .split(place)).verdict.outcome
      // Tens of thousands of passing expectations would take longer than the exchanges.
      if !split.isSame(as: whole) {
        Issue.record("\(split) split after byte \(place), \(whole) as a whole")
      }
    }
  }
}
