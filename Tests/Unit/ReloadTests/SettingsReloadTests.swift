@testable import Reload
import APITokens
import JobRequests
@testable import Observability
import Replicate
import Scheduler
@testable import Settings
import StandardWebhooks
import Synchronization
import Testing
import WebhookIntake

/// Files in memory.
private final class Disk: Sendable {
  let files = Mutex<[String: String]>([:])

  let reads = Mutex<[String: Int]>([:])

  func read(_ path: String) -> String? {
    reads.withLock { $0[path, default: 0] += 1 }
    return files.withLock { $0[path] }
  }

  func write(_ text: String?, to path: String) { files.withLock { $0[path] = text } }
}

/// What a reload changes, and what stays.
@Suite struct SettingsReloadTests {
  private struct Parsed: Sendable {
    let access: AccessSettings
    let provider: ProviderSettings
    let intake: IntakeSettings
    let log: LogSettings

    init(from reader: inout SettingsReader) {
      reader.reportUnknownNames()
      access = AccessSettings(from: &reader)
      provider = ProviderSettings(from: &reader)
      intake = IntakeSettings(from: &reader, isSecretRequired: true, alternative: "")
      log = LogSettings(from: &reader)
    }
  }

  private static let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
  private static let start = ["REPLICATE_WEBHOOK_SECRET=\(secret)", "API_TOKENS_FILE=/tokens"]
  private let disk = Disk()
  private let reload: SettingsReload
  private let live: LiveSettings

  init() throws {
    disk.write(Self.start.joined(separator: "\n"), to: "/env")
    disk.write("first-token-0123456789", to: "/tokens")
    let variables =
      AccessSettings.variables + ProviderSettings.variables + IntakeSettings.variables + LogSettings.variables
    let sources = SettingsSources(
      variables: variables, environment: ["MAX_QUEUED_ORDERS": "7"], envFile: "/env"
    ) { [disk] in disk.read($0) }
    let reading = try sources.read()
    var reader = reading.reader
    let parsed = try reader.read(Parsed.init)
    reload = SettingsReload(sources: sources, reading: reading)
    live = LiveSettings(
      access: parsed.access, provider: parsed.provider, secrets: WebhookSecrets(parsed.intake.secrets))
  }

  /// Reloads with further lines in the file, and returns what was logged.
  private func reload(adding lines: [String] = []) throws(SettingProblems) -> [String: String] {
    disk.write((Self.start + lines).joined(separator: "\n"), to: "/env")
    let (settings, changes) = try reload.run(Parsed.init)
    _ = live.apply(changes, access: settings.access, provider: settings.provider, intake: settings.intake)
    let entries = [.settingsReloaded(changes), .settingsPending(changes)].compactMap(\.self) as [LogEntry]
    return entries.reduce(into: [:]) { fields, entry in
      for (name, value) in entry.fields.pairs { fields[name] = "\(value)" }
    }
  }

  @Test func `reloadable settings take effect, and others are named`() throws {
    #expect(try reload() == [:])
    let lines = ["CREATES_PER_MINUTE=5", "LOG_LEVEL=debug", "JOB_TIMEOUT=1h", "MAX_QUEUED_ORDERS=9"]
    // The environment takes precedence, and does not change.
    #expect(
      try reload(adding: lines) == ["changed": "CREATES_PER_MINUTE LOG_LEVEL", "pending": "JOB_TIMEOUT"])
    #expect(live.creationRate.perMinute == 5 && live.maxQueuedOrders == 7)
    // What waits for the restart is named again, and only that.
    #expect(try reload(adding: lines) == ["pending": "JOB_TIMEOUT"])
    #expect(try reload() == ["changed": "CREATES_PER_MINUTE LOG_LEVEL"])
    #expect(live.creationRate.perMinute == 600)
  }

  /// It may be a pipe, and two parts of the settings must not see two versions of it.
  @Test func `each file is read once`() throws {
    #expect(disk.reads.withLock { $0 } == ["/env": 1, "/tokens": 1])
    #expect(try reload() == [:])
    #expect(disk.reads.withLock { $0 } == ["/env": 2, "/tokens": 2])
  }

  @Test func `a secret in a file is read again`() throws {
    disk.write("second-token-0123456789", to: "/tokens")
    #expect(try reload() == ["changed": "API_TOKENS"])
    #expect(live.tokens.admit("Bearer first-token-0123456789") == nil)
    #expect(live.tokens.admit("Bearer second-token-0123456789") != nil)
  }

  /// Without tokens the API would be open to everybody behind a proxy of systemd.
  @Test(arguments: ["", " \n"])
  func `tokens are not removed without a restart`(_ text: String) throws {
    disk.write(text, to: "/tokens")
    #expect(try reload() == ["pending": "API_TOKENS"])
    #expect(live.tokens.admit("Bearer first-token-0123456789") != nil)
  }

  @Test func `the rules in a file are read again`() throws {
    #expect(throws: SettingProblems.self) { try reload(adding: ["OUTPUT_RULES=/none"]) }
    disk.write(#"{"acme/*": {"kind": "text"}}"#, to: "/rules")
    #expect(try reload(adding: ["OUTPUT_RULES=/rules"]) == ["changed": "OUTPUT_RULES"])
    let before = live.outputRules.current.rule(for: "acme/model")
    #expect(try reload(adding: ["OUTPUT_RULES=/rules"]) == [:])
    disk.write(#"{"acme/*": {"kind": "urls"}}"#, to: "/rules")
    #expect(try reload(adding: ["OUTPUT_RULES=/rules"]) == ["changed": "OUTPUT_RULES"])
    #expect("\(live.outputRules.current.rule(for: "acme/model"))" != "\(before)")
  }

  @Test func `a wrong setting leaves all as they are`() throws {
    disk.write("second-token-0123456789", to: "/tokens")
    for line in ["CREATES_PER_MINUTE=many", "MISSPELT=1", "no assignment", "JOB_TIMEOUT=5"] {
      let problems = #expect(throws: SettingProblems.self) { try reload(adding: [line]) }
      #expect(problems?.problems.count == 1)
      let text = problems?.problems.map { LogEntry.settingsRejected($0) }.first.map { "\($0)" }
      #expect(text?.contains("second-token") == false)
    }
    disk.write(nil, to: "/env")
    #expect(throws: SettingProblems.self) { try reload.run(Parsed.init) }
    #expect(live.tokens.admit("Bearer first-token-0123456789") != nil)
    #expect(try reload() == ["changed": "API_TOKENS"])
  }

  @Test func `a webhook secret is replaced`() throws {
    let new = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    disk.write("REPLICATE_WEBHOOK_SECRET=\(new)\nAPI_TOKENS_FILE=/tokens", to: "/env")
    let (settings, changes) = try reload.run(Parsed.init)
    #expect(changes.applied.map(\.name) == ["REPLICATE_WEBHOOK_SECRET"])
    _ = live.apply(changes, access: settings.access, provider: settings.provider, intake: settings.intake)
    #expect(live.secrets.current.map(\.revealed) == [new])
  }
}
