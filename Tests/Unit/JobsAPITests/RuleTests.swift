@testable import APITokens
@testable import ClientAddress
@testable import Daemon
@testable import GroupCommit
@testable import HTTPWire
import Jobs
@testable import JobsAPI
import Logging
@testable import Observability
@testable import Routing
@testable import Scheduler
import Testing
@testable import Time
@testable import WebhookIntake

/// Small rules of the API, each a table.
@Suite struct RuleTests {
  @Test(arguments: [
    ("localhost", true), ("localhost:8081", true), ("LOCALHOST", true), ("127.0.0.1", true),
    ("127.0.0.1:80", true),
    ("127.9.9.9", true), ("[::1]", true), ("[::1]:8081", true), ("", false),
    ("localhost.evil.example", false),
    ("127.0.0.1.evil.example", false), ("127.evil.example", false), ("127.0.0.1x", false),
    ("evil.example", false),
    ("10.0.0.1", false), ("[::2]", false), ("127.0.0", false), ("127.0.0.256", false), ("127.1.1.-1", false),
    ("127.0.0.+1", false), ("127.0.0.", false), ("127..0.1", false), ("127.0.0.1.", false), ("127", false),
    ("127.", false), ("0127.0.0.1", false), ("127.0.0.000001", true), ("127.0.0.99999999999999999999", false),
    ("[127.0.0.1]", true), ("::1", false), ("[::1", true), ("[localhost]:1", true), ("l\u{F}calhost", false),
    ("LocalHost:1", true), (":80", false), ("[]", false), ("localhos", false), ("localhost.", false),
  ])
  func onlyLoopbackNamesCountAsThisMachine(_ host: String, _ isLoopback: Bool) {
    #expect(LoopbackName.isNamed(by: host) == isLoopback)
  }

  private static func head(of text: String) throws -> RequestHead {
    var parser = RequestHeadParser(limits: MessageLimits())
    let bytes = Array(text.utf8)
    let head = try parser.parse(bytes.span)
    return try #require(head)
  }

  /// Fields that a reverse proxy adds; its clients are not this machine.
  @Test(arguments: [
    ("Via: 1.1 a", false), ("FORWARDED: for=192.0.2.1", false), ("X-Forwarded-For: 127.0.0.1", false),
    ("x-forwarded-host: localhost", false), ("X-Forwarded-Proto: https", false), ("X-Real-IP: ::1", false),
    ("X-Client-IP: 1", false), ("CF-Connecting-IP: 1", false), ("True-Client-IP: 1", false),
    ("X-Forwarded: 1", false), ("Viable: yes", true), ("X-Forward: 1", true), ("Accept: */*", true),
  ])
  func withoutTokensNothingThatAProxySendsIsAnswered(_ field: String, _ isAnswered: Bool) throws {
    let head = try Self.head(of: "GET /jobs HTTP/1.1\r\nHost: localhost\r\n\(field)\r\n\r\n")
    let open = Result { () throws(Problem) in try APIAccess(tokens: TokenList([])).authorize(head) }
    guard case .failure(let problem) = open else {
      #expect(isAnswered)
      return
    }
    #expect(!isAnswered && problem.status == .forbidden && problem.code == .proxyNotAllowed)
    let token = try #require(BearerToken("0123456789abcdef"))
    let text = "GET /jobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer 0123456789abcdef\r\n\(field)\r\n\r\n"
    try APIAccess(tokens: TokenList([token])).authorize(Self.head(of: text))
  }

  @Test(arguments: [
    (["\"3.ab\""], true), (["W/\"3.ab\""], true), (["\"2.ab\", \"3.ab\""], true), (["*"], true),
    (["\"2.ab\"", "\"3.ab\""], true), (["\"2.ab\""], false), ([], false), (["3.ab"], false),
    (["\"33.ab\""], false), (["\"3\""], false), (["\"3.cd\""], false),
  ])
  func entityTagsAreCompared(_ values: [String], _ matches: Bool) {
    #expect(EntityTag(change: 3, epoch: "ab").isMatched(byIfNoneMatch: values) == matches)
  }

  @Test(
    arguments: [
      ("Bearer 0123456789abcdef", true), ("bearer 0123456789abcdef", true),
      ("Bearer  0123456789abcdef", true),
      ("Bearer 0123456789abcdeX", false), ("Bearer 0123456789abcde", false), ("0123456789abcdef", false),
      ("Bearer", false),
      ("Bearer ", false), ("Basic 0123456789abcdef", false), (nil, false),
    ] as [(String?, Bool)])
  func bearerTokensFollowRFC6750(_ authorization: String?, _ isAccepted: Bool) throws {
    let tokens = [
      try #require(BearerToken("ffffffffffffffff")), try #require(BearerToken("0123456789abcdef")),
    ]
    #expect(BearerToken.isPresented(in: authorization, among: tokens) == isAccepted)
    #expect("\(tokens)" == "[<redacted>, <redacted>]")
  }

  @Test func aLogLineCannotBeForged() {
    func line(_ format: LogFormat) -> String {
      var line = LogLine(format, at: Timestamp(milliseconds: 0), level: .info, message: "delivery")
      line.add("id", "a\n2026 error \"x\"")
      line.add("plain", "value")
      line.add("none", "")
      line.add("bytes", 2512)
      return String(decoding: line.ended(), as: UTF8.self)
    }
    #expect(
      line(.text)
        == "1970-01-01T00:00:00.000Z info    delivery id=\"a\\n2026 error \\\"x\\\"\" "
        + "plain=value none=\"\" bytes=2512\n"
    )
    #expect(
      line(.json)
        == #"{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"delivery","#
        + #""id":"a\n2026 error \"x\"","plain":"value","none":"","bytes":2512}"# + "\n")
  }

  @Test(arguments: [
    ("wait=30", 30), ("wait", 60), ("wait=300", 300), ("wait=301", 300), ("wait=99999999999999999999", 300),
    ("respond-async, wait=5", 5), ("WAIT=5", 5), ("wait=\"5\"", 5), ("wait = 5", 5), ("wait=5; x=1", 5),
    ("wait=5, wait=9", 5), ("wait=0", nil), ("wait=", 60), ("wait=x", nil), ("wait=-1", nil),
    ("wait=1.5", nil), ("waits=5", nil), ("respond-async", nil), ("", nil),
  ])
  func `the preference for a wait is read by RFC 7240`(_ value: String, _ seconds: Int?) throws {
    let head = try Self.head(of: "POST /jobs HTTP/1.1\r\nHost: localhost\r\nPrefer: \(value)\r\n\r\n")
    let wait = JobWait(preferredBy: head.fields)
    #expect(wait == seconds.map { JobWait(.seconds($0), isUntilEnd: true) })
  }

  @Test(arguments: [
    ("{}\n", "{}"), ("{\n \"a\": 1,\r\n \"b\": \"\\n\"\n}", "{ \"a\": 1, \"b\": \"\\n\"}"), ("", ""),
    ("\n", ""),
  ])
  func `a document becomes one line`(_ document: String, _ line: String) {
    var bytes: [UInt8] = []
    bytes.append(lineOf: Array(document.utf8))
    #expect(String(decoding: bytes, as: UTF8.self) == line)
  }

  @Test func metricsAreInPrometheusFormat() {
    let metrics = DaemonMetrics(secretCount: 2, purposes: [.api], queue: CommitQueue())
    metrics.commits.duration.record(.microseconds(300))
    metrics.commits.duration.record(.seconds(60))
    metrics.intake.deliveries.add(7, for: .applied)
    let lines = metrics.page(pace: CreationPace()).text.split(separator: "\n").map(String.init)
    #expect(lines.contains(#"replicate_webhookd_deliveries_total{outcome="applied"} 7"#))
    #expect(lines.contains(#"replicate_webhookd_secret_accepted_total{position="2"} 0"#))
    #expect(lines.contains(#"replicate_webhookd_commit_duration_seconds_bucket{le="0.0005"} 1"#))
    #expect(lines.contains(#"replicate_webhookd_commit_duration_seconds_bucket{le="+Inf"} 2"#))
    #expect(lines.contains("replicate_webhookd_commit_duration_seconds_count 2"))
    for line in lines where !line.hasPrefix("#") { #expect(line.split(separator: " ").count == 2, "\(line)") }
  }
}
