@testable import Daemon
@testable import JobRequests
import Replicate
@testable import Scheduler
@testable import Settings
import StandardWebhooks
import Testing
@testable import WebhookIntake

private let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
private let token = "r8_0123456789abcdef"

private func read(
  _ environment: [String: String], files: [String: String] = [:]
) throws(SettingProblems) -> DaemonSettings {
  var reader = SettingsReader(variables: DaemonSettings.variables, environment: environment) { files[$0] }
  return try reader.read(DaemonSettings.init)
}

private func problems(_ environment: [String: String], files: [String: String] = [:]) -> [SettingProblem] {
  do throws(SettingProblems) {
    _ = try read(environment, files: files)
    return []
  } catch {
    return error.problems
  }
}

@Suite struct ProviderSettingsTests {
  @Test func withoutATokenTheProviderIsNotCalled() throws {
    let provider = try read(["REPLICATE_WEBHOOK_SECRET": secret]).provider
    #expect(provider.token == nil && provider.publicURL == nil)
    #expect(provider.apiURL == "https://api.replicate.com")
    #expect(provider.jobTimeout == .seconds(900) && provider.reconcileAfter == .seconds(30))
    #expect(provider.createsPerMinute == 600 && provider.retention == .seconds(30 * 86_400))
    #expect(provider.outputRules == OutputRules())
  }

  @Test func withATokenTheSecretMayBeLeftOut() throws {
    let settings = try read(["REPLICATE_API_TOKEN": token])
    #expect(settings.provider.token != nil && settings.intake.secrets.isEmpty)
    #expect(
      try read(["REPLICATE_API_TOKEN": token, "REPLICATE_WEBHOOK_SECRET": secret]).intake.secrets.count == 1)
    #expect(problems([:]).map(\.variable) == ["REPLICATE_WEBHOOK_SECRET"])
    #expect(
      problems(["REPLICATE_API_TOKEN": token, "REPLICATE_WEBHOOK_SECRET": "  "]).map(\.variable)
        == ["REPLICATE_WEBHOOK_SECRET"])
  }

  /// With a token set, the secret is not required.
  ///
  /// Only the unreadable token is reported.
  @Test func anUnreadableTokenIsTheOnlyReportedProblem() {
    let files = ["/two": "\(token) \(token)"]
    for (environment, name) in [
      (["REPLICATE_API_TOKEN": "short"], "REPLICATE_API_TOKEN"),
      (["REPLICATE_API_TOKEN_FILE": "/two"], "REPLICATE_API_TOKEN"),
      (["REPLICATE_API_TOKEN_FILE": "/missing"], "REPLICATE_API_TOKEN_FILE"),
      (["REPLICATE_API_TOKEN": token, "REPLICATE_API_TOKEN_FILE": "/two"], "REPLICATE_API_TOKEN"),
    ] {
      #expect(problems(environment, files: files).map(\.variable) == [name])
    }
  }

  /// Other settings are not checked unless they are needed.
  @Test func commandsThatSignOrVerifyReadWhatTheyNeed() throws {
    let source = { (environment: [String: String]) throws(SettingProblems) in
      var reader = SettingsReader(variables: DaemonSettings.variables, environment: environment) { _ in nil }
      return try reader.read(SecretSource.init)
    }
    let given = try source(["REPLICATE_WEBHOOK_SECRET": secret, "RETENTION": "x", "REPLICATE_API_TOKEN": "x"])
    #expect(try given.secrets().map(\.revealed) == [secret])
    let none = try #require(throws: SettingProblems.self) { try source([:]) }
    #expect(
      none.problems.first?.advice.contains("or set REPLICATE_API_TOKEN, with which it is fetched") == true)
    let wrong = try #require(throws: SettingProblems.self) { try source(["REPLICATE_API_TOKEN": "x"]) }
    #expect(wrong.problems.map(\.variable) == ["REPLICATE_API_TOKEN"])
    let unreached = try source(["REPLICATE_API_TOKEN": token, "REPLICATE_API_URL": "http://127.0.0.1:1"])
    #expect(throws: StartError.self) { try unreached.secrets() }
  }

  @Test func theTokenComesFromAFileOrACredentialToo() throws {
    let files = ["/t": "\(token)\n", "/c/replicate_api_token": token, "/two": "\(token) \(token)"]
    #expect(try read(["REPLICATE_API_TOKEN_FILE": "/t"], files: files).provider.token != nil)
    #expect(try read(["CREDENTIALS_DIRECTORY": "/c"], files: files).provider.token != nil)
    for (name, path) in [("REPLICATE_API_TOKEN", "/two"), ("REPLICATE_API_TOKEN_FILE", "/missing")] {
      let environment = ["REPLICATE_WEBHOOK_SECRET": secret, "REPLICATE_API_TOKEN_FILE": path]
      #expect(problems(environment, files: files).map(\.variable) == [name])
    }
  }

  @Test(arguments: [
    ("JOB_TIMEOUT", "1s", true), ("JOB_TIMEOUT", "7d", true), ("JOB_TIMEOUT", "999ms", false),
    ("JOB_TIMEOUT", "7d1s", false), ("RECONCILE_AFTER", "1s", true), ("RECONCILE_AFTER", "1h", true),
    ("RECONCILE_AFTER", "0s", false), ("RECONCILE_AFTER", "3601s", false),
    ("CREATES_PER_MINUTE", "1", true), ("CREATES_PER_MINUTE", "60000", true),
    ("CREATES_PER_MINUTE", "0", false), ("CREATES_PER_MINUTE", "60001", false),
    ("CREATES_PER_MINUTE", "-44", false), ("RETENTION", "1s", true), ("RETENTION", "3650d", true),
    ("RETENTION", "0s", false), ("RETENTION", "3651d", false),
    ("PUBLIC_URL", "https://hooks.example.com/a/", true), ("PUBLIC_URL", "http://hooks.example.com", false),
    ("PUBLIC_URL", "https://h/?job=1234", false), ("PUBLIC_URL", "https://h/webhooks/replicate", false),
    ("PUBLIC_URL", "https://h/a/webhooks/replicate/", false),
    ("PUBLIC_URL", "https://h/Webhooks/Replicate", false),
    ("PUBLIC_URL", "https://h//a", false), ("PUBLIC_URL", "https://h/webhooks", true),
    ("REPLICATE_API_URL", "http://127.0.0.1:9000/", true),
    ("REPLICATE_API_URL", "https://user:hunter2@api.example", false),
    ("REPLICATE_API_URL", "https://api.example/v1", false), ("REPLICATE_API_TOKEN", "sh0rt77", false),
    ("REPLICATE_API_TOKEN", "r8_0123456789äbcdef", false), ("OUTPUT_RULES", "/rules", true),
    ("OUTPUT_RULES", "/broken", false), ("OUTPUT_RULES", "/nowhere-else", false),
  ])
  func boundsHoldAndErrorsNameTheVariableAndNeverTheValue(
    _ name: String, _ value: String, _ isAccepted: Bool
  ) {
    let files = ["/rules": #"{"a/b":{"kind":"text"}}"#, "/broken": #"{"a/b":{"kind":"hunter2"}}"#]
    let found = problems(["REPLICATE_WEBHOOK_SECRET": secret, name: value], files: files)
    #expect(found.map(\.variable) == (isAccepted ? [] : [name]))
    #expect(found.allSatisfy { !$0.description.contains("hunter2") })
    // A short number may be part of the reported bounds.
    if value.count > 2 { #expect(found.allSatisfy { !$0.description.contains(value) }) }
  }

  @Test func theFixOfAURLIsItsOwn() {
    let advice = { (name: String, value: String) in
      problems(["REPLICATE_WEBHOOK_SECRET": secret, name: value]).first?.advice ?? ""
    }
    #expect(
      advice("REPLICATE_API_URL", "api.replicate.com").contains("https://api.replicate.com without a path"))
    #expect(advice("PUBLIC_URL", "hooks.example.com").contains("https://hooks.example.com"))
    #expect(advice("PUBLIC_URL", "https://h/webhooks/replicate").contains("leave /webhooks/replicate out"))
  }

  @Test func valuesAreRead() throws {
    let provider = try read(
      [
        "REPLICATE_API_TOKEN": token, "REPLICATE_API_URL": "http://localhost:1/",
        "PUBLIC_URL": "https://h.example/x/", "JOB_TIMEOUT": "2m", "RECONCILE_AFTER": "3s",
        "CREATES_PER_MINUTE": "4", "RETENTION": "5d", "OUTPUT_RULES": "/rules",
      ], files: ["/rules": #"{"a/b":{"kind":"text"}}"#]
    ).provider
    #expect(provider.apiURL == "http://localhost:1" && provider.publicURL == "https://h.example/x")
    #expect(provider.jobTimeout == .seconds(120) && provider.reconcileAfter == .seconds(3))
    #expect(provider.createsPerMinute == 4 && provider.retention == .seconds(432_000))
    #expect(provider.outputRules.rule(for: "a/b").kind == .text)
  }

  @Test(
    arguments: [
      ("http://127.0.0.1:9000", "http://127.0.0.1:9000"), ("http://localhost:1/", "http://localhost:1"),
      ("http://[::1]:9000", "http://[::1]:9000"), ("https://localhost", "https://localhost"),
      ("http://127.9.9.9:80", "http://127.9.9.9"), ("https://api.replicate.com", nil),
      ("https://api.example.com:9000", nil), ("https://127.0.0.1.example.com", nil),
      ("https://10.0.0.1", nil),
      (nil, nil),
    ] as [(String?, String?)])
  func `only a loopback API has a local origin`(_ url: String?, _ origin: String?) throws {
    let variables = ["REPLICATE_API_TOKEN": token, "REPLICATE_API_URL": url].compactMapValues { $0 }
    #expect(try read(variables).provider.outputRules.localOrigin?.text == origin)
  }

  @Test func theTokenIsNeverPrinted() throws {
    let settings = try read(["REPLICATE_API_TOKEN": token])
    let apiToken = try #require(settings.provider.token)
    var dumped = ""
    dump(settings.provider, to: &dumped)
    let printed = ["\(apiToken)", String(reflecting: apiToken), "\(settings.provider)", dumped]
    #expect(printed.allSatisfy { !$0.contains(token) && !$0.contains("0123456789") })
    #expect("\(apiToken)" == "<redacted>")
  }
}

@Suite struct ProviderURLTests {
  @Test(arguments: [
    ("https://a.example", "https://a.example", "a.example", ""),
    ("https://a.example/", "https://a.example", "a.example", ""),
    ("https://a.example:8443/x//", "https://a.example:8443/x", "a.example", "/x"),
    ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x", "[2001:db8::1]", "/x"),
    ("https://xn--a-b.example/%20", "https://xn--a-b.example/%20", "xn--a-b.example", "/%20"),
    ("http://127.0.0.1:9000", "http://127.0.0.1:9000", "127.0.0.1", ""),
    ("http://localhost/x", "http://localhost/x", "localhost", "/x"),
    ("http://[::1]", "http://[::1]", "[::1]", ""),
  ])
  func aURLIsReadWithoutTrailingSlashes(_ text: String, _ kept: String, _ host: String, _ path: String) {
    let url = ProviderURL(text)
    #expect(url?.text == kept && url?.host == host && url?.path == path)
  }

  @Test(arguments: [
    "", "a.example", "ftp://a.example", "https:a.example", "https://", "https:///x", "https://:443",
    "http://a.example", "http://127.0.0.1.a.example", "http://localhost.a.example", "http://0.0.0.0",
    "http://10.0.0.1", "http://127.0.0.+1", "http://[::2]", "http://[::1]a.example", "http://[::1",
    "http://[::1.a.example]", "http://localhost@a.example", "https://user@a.example",
    "https://user:pass@a.example", "https://a.example?x=1", "https://a.example#x",
    #"https://a.example\x"#, "https://a.example /x", "https://a.example/x\n", "https://a.example/ü",
    "https://a.example:", "https://a.example:0", "https://a.example:65536", "https://a.example:+80",
    "https://a.example:80:80", "https://[]", "https://[x]", "https://a,b", "https://a%2eb", "https://a;b",
    "https://a'b", "https://\u{0}", "https://a.example/" + String(repeating: "x", count: 1024),
  ])
  func anythingElseIsRejected(_ text: String) {
    #expect(ProviderURL(text) == nil)
  }
}
