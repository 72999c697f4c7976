@testable import APITokens
@testable import Daemon
import EventLoop
import HTTPServer
import HTTPWire
@testable import JobsAPI
@testable import Observability
@testable import Settings
import StandardWebhooks
import Testing
@testable import WebhookIntake

private let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
private let token = "0123456789abcdef0123"

private func read(
  _ environment: [String: String], file: [String: String] = [:], files: [String: String] = [:]
) throws(SettingProblems) -> DaemonSettings {
  var reader = SettingsReader(variables: DaemonSettings.variables, environment: environment, file: file) {
    files[$0]
  }
  return try reader.read(DaemonSettings.init)
}

/// The variables with a reported problem.
private func problemVariables(_ environment: [String: String], file: [String: String] = [:]) -> [String] {
  do throws(SettingProblems) {
    _ = try read(environment, file: file)
    return []
  } catch {
    return error.problems.map(\.variable)
  }
}

@Suite struct SettingsTests {
  @Test func oneSecretIsAllThatIsRequired() throws {
    let settings = try read(["REPLICATE_WEBHOOK_SECRET": secret])
    #expect(settings.listeners.webhookAddresses.map(\.description) == ["127.0.0.1:8080"])
    #expect(settings.listeners.apiAddresses.map(\.description) == ["127.0.0.1:8081"])
    #expect(settings.database.path == "replicate-webhookd.db")
    #expect(settings.intake.signatureTolerance == .seconds(300))
    #expect(settings.listeners.limits.message.maxBodyBytes == 8 << 20)
    #expect(problemVariables([:]) == ["REPLICATE_WEBHOOK_SECRET"])
  }

  @Test(arguments: [
    ("REPLICATE_WEBHOOK_SECRET", "whsec_%"), ("REPLICATE_WEBHOOK_SECRET", "   "),
    ("REPLICATE_WEBHOOK_SECRET", "whpk_AAAA"),
    ("WEBHOOK_LISTEN", "8080"), ("API_LISTEN", "example.com:80"), ("API_TOKENS", "short"),
    ("DATABASE_URL", "mysql://x"), ("DATABASE_URL", "postgresql://a b"), ("REQUIRE_STANDBY", "maybe"),
    ("DATABASE_URL", "file:jobs.db"), ("SIGNATURE_TOLERANCE", "soon"), ("SIGNATURE_TOLERANCE", "2d"),
    ("MAX_BODY", "8MB"),
    ("MAX_BODY", "1"), ("MAX_BODY", "99999999999999999999GiB"), ("SHUTDOWN_GRACE", "-1s"),
    ("LOG_LEVEL", "loud"), ("MAX_CONNECTIONS", "0"), ("MAX_CONNECTIONS", "4k"), ("MAX_HEADER_FIELDS", "9"),
    ("MAX_BYTES_IN_FLIGHT", "1MiB"), ("MAX_STREAMS", "2049"), ("MAX_STREAMS", "-1"), ("HEADER_TIMEOUT", "0s"),
    ("MIN_RATE", "0"), ("IDLE_TIMEOUT", "2h"),
    ("TRUSTED_PROXIES", "10.0.0.1/8"), ("TRUSTED_PROXIES", "0.0.0.0/0"),
    ("WEBHOOK_LISTEN", "127.0.0.1:1 proxy_protocol"), ("WEBHOOK_LISTEN", "127.0.0.1:1,"),
    ("WEBHOOK_LISTEN", "127.0.0.1:1, 127.0.0.1:1"), ("WEBHOOK_LISTEN", "127.0.0.1:1 mode=0600"),
    ("LOG_FORMAT", "xml"), ("REPLICATE_WEBHOOK_SECRET_FILE", "/also"),
  ])
  func aWrongValueIsReportedByNameAndNeverShown(_ name: String, _ value: String) {
    var environment = ["REPLICATE_WEBHOOK_SECRET": secret]
    environment[name] = value
    let problems: [SettingProblem]
    do throws(SettingProblems) {
      _ = try read(environment)
      problems = []
    } catch {
      problems = error.problems
    }
    #expect(problems.count == 1)
    #expect(problems.allSatisfy { name.hasPrefix($0.variable) || $0.variable == name })
    if !value.allSatisfy(\.isWhitespace), value.count > 3 {
      #expect(problems.allSatisfy { !$0.description.contains(value) })
    }
  }

  @Test func everyVariableIsListedOnce() {
    let variables = DaemonSettings.variables
    #expect(Set(variables.map(\.name)).count == variables.count)
    // Whichever capabilities there are.
    for variable in variables {
      // The URL of a database may contain its password.
      let suffixes = ["_SECRET", "_SECRET_KEY", "_KEY_ID", "_TOKEN", "_TOKENS", "DATABASE_URL"]
      let isNamedSecret = suffixes.contains { variable.name.hasSuffix($0) }
      #expect(variable.isSecret == isNamedSecret, "\(variable.name)")
    }
    let secrets = Set(variables.filter(\.isSecret).map(\.name))
    #expect(secrets.isSuperset(of: ["REPLICATE_WEBHOOK_SECRET", "API_TOKENS", "REPLICATE_API_TOKEN"]))
  }

  @Test func limitsAreSettings() throws {
    let limits = try read([
      "REPLICATE_WEBHOOK_SECRET": secret, "MAX_BODY": "2MiB", "MAX_HEADER": "4KiB", "MAX_HEADER_FIELDS": "20",
      "MAX_TARGET": "1KiB", "MAX_CONNECTIONS": "7", "MAX_CONNECTIONS_PER_ADDRESS": "6", "MAX_STREAMS": "3",
      "MAX_BYTES_IN_FLIGHT": "3MiB", "MAX_REQUESTS_PER_CONNECTION": "5", "HANDSHAKE_TIMEOUT": "1s",
      "FIRST_BYTE_TIMEOUT": "2s", "HEADER_TIMEOUT": "3s", "BODY_TIMEOUT": "4s", "WRITE_TIMEOUT": "5s",
      "IDLE_TIMEOUT": "6s", "MIN_RATE": "1KiB",
    ]).listeners.limits
    #expect(limits.message.maxBodyBytes == 2 << 20 && limits.message.maxHeaderSectionBytes == 4096)
    #expect(limits.message.maxFields == 20 && limits.message.maxTargetBytes == 1024)
    #expect(limits.maxConnections == 7 && limits.maxConnectionsPerAddress == 6 && limits.maxStreams == 3)
    #expect(limits.maxBytesInFlight == 3 << 20 && limits.maxRequestsPerConnection == 5)
    #expect(
      [limits.handshakeTimeout, limits.firstByteTimeout, limits.headerTimeout, limits.idleTimeout]
        == [1, 2, 3, 6].map { .seconds($0) })
    #expect(limits.minBodyRate == MinimumTransferRate(grace: .seconds(4), bytesPerSecond: 1024))
    #expect(limits.minWriteRate == MinimumTransferRate(grace: .seconds(5), bytesPerSecond: 1024))
  }

  @Test(arguments: [
    (nil, nil, 1024), ("4096", nil, 1024), ("7", nil, 3), ("1", nil, 0), ("8", "4", 4), (nil, "0", 0),
  ])
  func streamsTakeHalfOfTheConnectionsAtMost(_ connections: String?, _ streams: String?, _ expected: Int)
    throws
  {
    var environment = ["REPLICATE_WEBHOOK_SECRET": secret]
    environment["MAX_CONNECTIONS"] = connections
    environment["MAX_STREAMS"] = streams
    #expect(try read(environment).listeners.limits.maxStreams == expected)
    environment["MAX_STREAMS"] = "\((Int(connections ?? "4096") ?? 0) / 2 + 1)"
    #expect(problemVariables(environment) == ["MAX_STREAMS"])
  }

  @Test(
    arguments: [
      ("127.0.0.1:80", .init(.bind(.ipv4(host: "127.0.0.1", port: 80), mode: nil))),
      ("  [::]:80  ", .init(.bind(.ipv6(host: "::", port: 80), mode: nil))),
      ("unix:/run/a.sock", .init(.bind(.unix(path: "/run/a.sock"), mode: nil))),
      ("unix:/run/a.sock mode=0660", .init(.bind(.unix(path: "/run/a.sock"), mode: 0o660))),
      ("unix:/a mode=600", .init(.bind(.unix(path: "/a"), mode: 0o600))),
      (
        "unix:/a mode=600 proxy_protocol",
        .init(.bind(.unix(path: "/a"), mode: 0o600), expectsProxyHeader: true)
      ),
      ("systemd:webhooks proxy_protocol", .init(.activation(name: "webhooks"), expectsProxyHeader: true)),
      ("systemd:", nil), ("systemd:a mode=600", nil), ("unix:/a mode=6600", nil), ("unix:/a mode=0888", nil),
      ("unix:/a mode=66", nil), ("unix:/a mode=600 mode=600", nil), ("127.0.0.1:80 tls", nil),
      ("127.0.0.1:80 proxy_protocol proxy_protocol", nil), ("", nil), ("proxy_protocol", nil),
    ] as [(Substring, ListenAddress?)])
  func aListenAddressHasOptions(_ text: Substring, _ address: ListenAddress?) {
    #expect(ListenAddress(text) == address)
  }

  @Test func severalAddressesAreSeparatedByCommas() throws {
    let settings = try read([
      "REPLICATE_WEBHOOK_SECRET": secret,
      "WEBHOOK_LISTEN": "127.0.0.1:1, [::1]:1,unix:/a mode=0660 proxy_protocol, systemd:x",
      "TRUSTED_PROXIES": "unix, 10.0.0.0/8",
    ])
    #expect(
      settings.listeners.webhookAddresses.map(\.description) == [
        "127.0.0.1:1", "[::1]:1", "unix:/a", "systemd:x",
      ])
    #expect(settings.listeners.webhookAddresses.map(\.expectsProxyHeader) == [false, false, true, false])
  }

  @Test func allProblemsAreReportedAtOnce() {
    let problems = problemVariables(["MAX_BODY": "x", "LOG_LEVEL": "x"], file: ["TYPO": "1"])
    #expect(Set(problems) == ["REPLICATE_WEBHOOK_SECRET", "MAX_BODY", "LOG_LEVEL", "TYPO"])
  }

  @Test func theEnvironmentTakesPrecedenceAndEmptyMeansUnset() throws {
    let settings = try read(
      ["REPLICATE_WEBHOOK_SECRET": secret, "LOG_LEVEL": "error", "LOG_FORMAT": ""],
      file: ["LOG_LEVEL": "debug", "LOG_FORMAT": "json", "API_TOKENS": ""])
    #expect(settings.log.level == .error)
    #expect(settings.log.format == nil)
    #expect(settings.access.tokens.isEmpty)
  }

  @Test func anUnknownNameIsAProblemInAFileOnly() {
    #expect(problemVariables(["REPLICATE_WEBHOOK_SECRET": secret, "UNRELATED": "1"]).isEmpty)
    #expect(
      problemVariables(["REPLICATE_WEBHOOK_SECRET": secret], file: ["WEBHOOK_LISTENS": "1"]) == [
        "WEBHOOK_LISTENS"
      ])
  }

  @Test func secretsComeFromFilesAndCredentialsToo() throws {
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    let fromFile = try read(
      ["REPLICATE_WEBHOOK_SECRET_FILE": "/run/s", "API_TOKENS_FILE": "/run/t"],
      files: ["/run/s": "\(secret) \(other)\n", "/run/t": "\(token)\n"])
    #expect(fromFile.intake.secrets.map(\.revealed) == [secret, other])
    #expect(fromFile.access.tokens.count == 1)
    let fromCredential = try read(
      ["CREDENTIALS_DIRECTORY": "/creds"], files: ["/creds/replicate_webhook_secret": secret])
    #expect(fromCredential.intake.secrets.map(\.revealed) == [secret])
    #expect(
      problemVariables(["REPLICATE_WEBHOOK_SECRET_FILE": "/missing"]) == ["REPLICATE_WEBHOOK_SECRET_FILE"])
  }

  @Test(arguments: [
    ("127.0.0.1:1", "127.0.0.1:2", false), ("127.0.0.1:1", "0.0.0.0:2", true),
    ("127.0.0.1:1", "[::]:2", true),
    ("127.0.0.1:1", "[::1]:2", false), ("127.0.0.1:1", "127.0.0.1:1", true),
    ("0.0.0.0:1", "127.0.0.1:2", false),
  ])
  func anAPIBeyondLoopbackNeedsATokenToStart(_ webhooks: String, _ api: String, _ needsToken: Bool) {
    var environment = ["REPLICATE_WEBHOOK_SECRET": secret, "WEBHOOK_LISTEN": webhooks, "API_LISTEN": api]
    #expect(problemVariables(environment) == (needsToken ? ["API_TOKENS"] : []))
    environment["API_TOKENS"] = token
    #expect(problemVariables(environment).isEmpty)
  }

  @Test(
    arguments: [
      ("5m", 300_000), ("90", nil), ("0", nil), ("1h30m", 5_400_000), ("250ms", 250), ("30d", 2_592_000_000),
      ("0s", 0), ("1m1s", 61_000),
      ("", nil), ("m", nil), ("5x", nil), ("5m5m", nil), ("-5m", nil), ("5 m", nil),
      ("5.5m", nil), ("５m", nil),
      ("99999999999999999999s", nil), ("9999999999999999d", nil), ("40000d", nil),
    ] as [(String, Int?)])
  func durationsAreRead(_ text: String, _ milliseconds: Int?) {
    #expect(SettingValue.duration(text) == milliseconds.map { .milliseconds($0) })
  }

  @Test(arguments: [
    ("7d", "7d"), ("24h", "1d"), ("90m", "1h30m"), ("3650d", "3650d"), ("0s", "0s"), ("100ms", "100ms"),
    ("61s", "1m1s"), ("1500ms", "1s500ms"), ("36500d", "36500d"),
  ])
  func durationsAreWrittenInMixedUnits(_ text: String, _ written: String) throws {
    let duration = try #require(SettingValue.duration(text))
    #expect(SettingValue.text(of: duration) == written)
    #expect(SettingValue.duration(written) == duration)
  }

  /// A `RETENTION` of 30, if read as seconds, would delete jobs that should stay for 30 days.
  @Test(arguments: ["RETENTION", "JOB_TIMEOUT", "IDLE_TIMEOUT", "SHUTDOWN_GRACE", "SIGNATURE_TOLERANCE"])
  func aDurationNeedsAUnit(_ name: String) throws {
    let error = try #require(throws: SettingProblems.self) {
      try read(["REPLICATE_WEBHOOK_SECRET": secret, name: "30"])
    }
    #expect(error.problems.map(\.variable) == [name])
    #expect(error.problems[0].advice.contains("such as 30s, 5m, 12h or 30d, from "))
    let bounds = try #require(throws: SettingProblems.self) {
      try read(["REPLICATE_WEBHOOK_SECRET": secret, "JOB_TIMEOUT": "8d"])
    }
    #expect(bounds.problems[0].advice == "write a duration such as 5m or 90s, from 1s to 7d")
  }

  @Test(arguments: [
    "sqlite://jobs.db", "sqlite:///./jobs.db", "sqlite:////var/jobs.db", "sqlite::memory:",
    "sqlite:file:jobs.db",
    "sqlite:jobs.db?mode=ro", "sqlite:", "mysql://user:hunter2@host/db", "postgres:hunter2",
    "postgresql:/host/hunter2", "sqlite://user:hunter2@host/db",
  ])
  func ambiguousDatabaseURLsAreRejectedWithTheFix(_ url: String) throws {
    let error = try #require(throws: SettingProblems.self) {
      try read(["REPLICATE_WEBHOOK_SECRET": secret, "DATABASE_URL": url])
    }
    #expect(error.problems.map(\.variable) == ["DATABASE_URL"])
    #expect(
      error.problems[0].advice.hasPrefix("write ")
        || error.problems[0].advice.contains("write sqlite:jobs.db"))
    #expect(!error.description.contains("hunter2"))
  }

  @Test(arguments: [
    "postgresql://hooks:hunter2@db1,db2:5433/hooks?sslmode=verify-full", "postgres://hooks:hunter2@db1/hooks",
  ])
  func aDatabaseOfAServerIsASecret(_ url: String) throws {
    let environment = ["REPLICATE_WEBHOOK_SECRET": secret]
    for settings in [
      try read(environment.merging(["DATABASE_URL": url]) { $1 }),
      try read(environment.merging(["DATABASE_URL_FILE": "/run/u"]) { $1 }, files: ["/run/u": "\(url)\n"]),
      try read(
        environment.merging(["CREDENTIALS_DIRECTORY": "/creds"]) { $1 },
        files: ["/creds/database_url": "\(url)\n"]),
    ] {
      guard case .postgreSQL(let read) = settings.database.location else {
        Issue.record("it is a file's")
        return
      }
      #expect(read.revealed == url && settings.database.path == nil)
      var dumped = ""
      dump(settings.database, to: &dumped)
      #expect(!"\(settings.database)\(dumped)".contains("hunter2"))
    }
  }

  @Test(arguments: [("1", true), ("true", true), ("ON", true), ("0", false), ("no", false), ("", false)])
  func aStandbyMayBeRequired(_ text: String, _ isRequired: Bool) throws {
    let environment = [
      "REPLICATE_WEBHOOK_SECRET": secret, "DATABASE_URL": "postgresql://db/hooks", "REQUIRE_STANDBY": text,
    ]
    #expect(try read(environment).database.requiresStandby == isRequired)
  }

  @Test func aFileHasNoStandby() {
    let problems = problemVariables(["REPLICATE_WEBHOOK_SECRET": secret, "REQUIRE_STANDBY": "1"])
    #expect(problems == ["REQUIRE_STANDBY"])
  }

  @Test(
    arguments: [
      ("8MiB", 8_388_608), ("1KiB", 1024), ("2GiB", 2_147_483_648), ("65536", 65536), ("0", 0), ("", nil),
      ("MiB", nil),
      ("8 MiB", nil), ("8mib", nil), ("-1", nil), ("9999999999999999999", nil), ("9999999999999999GiB", nil),
    ] as [(String, Int?)])
  func sizesAreRead(_ text: String, _ bytes: Int?) {
    #expect(SettingValue.size(text) == bytes)
  }

  /// In Swift CR LF is one Character, which is not `"\n"`.
  @Test(arguments: ["\n", "\r\n", "\r"], ["", "\u{FEFF}"])
  func environmentFilesMayHaveAnyLineEnding(_ newline: String, _ mark: String) {
    let lines = ["A=1 # one", "", "# B=2", "C=\"3\"", "export D=4", "E", "A=5", ""]
    let (values, problems) = EnvironmentFile.parse(mark + lines.joined(separator: newline), named: ".env")
    #expect(values == ["A": "5", "C": "3", "D": "4"])
    #expect(problems.map(\.variable) == [".env:6", "A"])
  }

  @Test func anEnvironmentFileIsReadLineByLine() {
    let (values, problems) = EnvironmentFile.parse(
      """
      # a comment
      A=1
      export B = 2
        C="two words" # why
      D='$not expanded'
      E=a#b c # comment
      F=
      not a line
      G="open
      A=again
      1H=x
      I=\u{20}spaced\u{20}
      """, named: ".env")
    #expect(
      values == ["A": "again", "C": "two words", "D": "$not expanded", "E": "a#b c", "F": "", "I": "spaced"])
    #expect(problems.map(\.variable) == [".env:3", ".env:8", "G", "A", ".env:11"])
  }
}
