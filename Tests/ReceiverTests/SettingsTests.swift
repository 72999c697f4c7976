import EventLoop
import HTTPServer
import HTTPWire
import Receiver
import StandardWebhooks
import Testing

private let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
private let token = "0123456789abcdef0123"

private func read(
  _ environment: [String: String], file: [String: String] = [:], files: [String: String] = [:]
) throws(SettingProblems) -> Settings {
  var reader = SettingsReader(environment: environment, file: file) { files[$0] }
  return try reader.read()
}

/// The variables that are complained about.
private func complaints(_ environment: [String: String], file: [String: String] = [:]) -> [String] {
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
    #expect(settings.webhookAddresses.map(\.description) == ["127.0.0.1:8080"])
    #expect(settings.apiAddresses.map(\.description) == ["127.0.0.1:8081"])
    #expect(settings.databasePath == "replicate-webhookd.db")
    #expect(settings.signatureTolerance == .seconds(300))
    #expect(settings.limits.message.bodyBytes == 8 << 20)
    #expect(complaints([:]) == ["REPLICATE_WEBHOOK_SECRET"])
  }

  @Test(arguments: [
    ("REPLICATE_WEBHOOK_SECRET", "whsec_%"), ("REPLICATE_WEBHOOK_SECRET", "   "),
    ("REPLICATE_WEBHOOK_SECRET", "whpk_AAAA"),
    ("WEBHOOK_LISTEN", "8080"), ("API_LISTEN", "example.com:80"), ("API_TOKENS", "short"),
    ("DATABASE_URL", "postgres://x"),
    ("DATABASE_URL", "file:jobs.db"), ("SIGNATURE_TOLERANCE", "soon"), ("SIGNATURE_TOLERANCE", "2d"),
    ("MAX_BODY", "8MB"),
    ("MAX_BODY", "1"), ("MAX_BODY", "99999999999999999999GiB"), ("SHUTDOWN_GRACE", "-1s"),
    ("LOG_LEVEL", "loud"),
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

  @Test func allProblemsAreReportedAtOnce() {
    let problems = complaints(["MAX_BODY": "x", "LOG_LEVEL": "x"], file: ["TYPO": "1"])
    #expect(Set(problems) == ["REPLICATE_WEBHOOK_SECRET", "MAX_BODY", "LOG_LEVEL", "TYPO"])
  }

  @Test func theEnvironmentWinsAndEmptyMeansUnset() throws {
    let settings = try read(
      ["REPLICATE_WEBHOOK_SECRET": secret, "LOG_LEVEL": "error", "LOG_FORMAT": ""],
      file: ["LOG_LEVEL": "debug", "LOG_FORMAT": "json", "API_TOKENS": ""])
    #expect(settings.logLevel == .error)
    #expect(settings.logFormat == nil)
    #expect(settings.apiTokens.isEmpty)
  }

  @Test func anUnknownNameIsAProblemInAFileOnly() {
    #expect(complaints(["REPLICATE_WEBHOOK_SECRET": secret, "UNRELATED": "1"]).isEmpty)
    #expect(
      complaints(["REPLICATE_WEBHOOK_SECRET": secret], file: ["WEBHOOK_LISTENS": "1"]) == ["WEBHOOK_LISTENS"])
  }

  @Test func secretsComeFromFilesAndCredentialsToo() throws {
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    let fromFile = try read(
      ["REPLICATE_WEBHOOK_SECRET_FILE": "/run/s", "API_TOKENS_FILE": "/run/t"],
      files: ["/run/s": "\(secret) \(other)\n", "/run/t": "\(token)\n"])
    #expect(fromFile.secrets.map(\.revealed) == [secret, other])
    #expect(fromFile.apiTokens.count == 1)
    let fromCredential = try read(
      ["CREDENTIALS_DIRECTORY": "/creds"], files: ["/creds/replicate_webhook_secret": secret])
    #expect(fromCredential.secrets.map(\.revealed) == [secret])
    #expect(complaints(["REPLICATE_WEBHOOK_SECRET_FILE": "/missing"]) == ["REPLICATE_WEBHOOK_SECRET_FILE"])
  }

  @Test(arguments: [
    ("127.0.0.1:1", "127.0.0.1:2", false), ("127.0.0.1:1", "0.0.0.0:2", true),
    ("127.0.0.1:1", "[::]:2", true),
    ("127.0.0.1:1", "[::1]:2", false), ("127.0.0.1:1", "127.0.0.1:1", true),
    ("0.0.0.0:1", "127.0.0.1:2", false),
  ])
  func anAPIThatOthersReachNeedsATokenToStart(_ webhooks: String, _ api: String, _ needsToken: Bool) {
    var environment = ["REPLICATE_WEBHOOK_SECRET": secret, "WEBHOOK_LISTEN": webhooks, "API_LISTEN": api]
    #expect(complaints(environment) == (needsToken ? ["API_TOKENS"] : []))
    environment["API_TOKENS"] = token
    #expect(complaints(environment).isEmpty)
  }

  @Test(
    arguments: [
      ("5m", 300_000), ("90", 90_000), ("1h30m", 5_400_000), ("250ms", 250), ("30d", 2_592_000_000),
      ("0s", 0), ("1m1s", 61_000),
      ("", nil), ("m", nil), ("5", 5000), ("5x", nil), ("5m5m", nil), ("-5m", nil), ("5 m", nil),
      ("5.5m", nil), ("５m", nil),
      ("99999999999999999999s", nil), ("9999999999999999d", nil), ("40000d", nil),
    ] as [(String, Int?)])
  func durationsAreRead(_ text: String, _ milliseconds: Int?) {
    #expect(SettingValue.duration(text) == milliseconds.map { .milliseconds($0) })
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
