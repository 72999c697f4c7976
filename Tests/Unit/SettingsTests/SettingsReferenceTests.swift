@testable import APITokens
@testable import Daemon
import Foundation
import JobsAPI
@testable import Observability
@testable import Scheduler
@testable import Settings
import Testing
@testable import WebhookIntake

/// `deploy/docs/settings.md`, which is made from the code that reads the settings.
@Suite struct SettingsReferenceTests {
  private static let folders = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4)
  private static let root = URL(fileURLWithPath: folders.joined(separator: "/"))
  private static let document = root.appendingPathComponent("deploy/docs/settings.md")

  private static let groups: [(title: String, variables: [SettingVariable])] = [
    ("Replicate", ProviderSettings.variables), ("Deliveries", IntakeSettings.variables),
    ("Listeners", ListenerSettings.variables.filter { !SettingVariable.limits.contains($0) }),
    ("The jobs API", AccessSettings.variables), ("The store", DatabaseSettings.variables),
    ("Logs and stops", LogSettings.variables + [.shutdownGrace]), ("Limits", SettingVariable.limits),
  ]

  /// Each capability whose settings are its own.
  private static var capabilities: [(title: String, variables: [SettingVariable])] {
    Capabilities.all.compactMap { $0.settings.isEmpty ? nil : ("`\($0)`", $0.settings) }
  }

  /// What the daemon reads, and as what.
  private static func forms() -> [String: SettingForm] {
    var reader = SettingsReader(
      variables: DaemonSettings.variables,
      environment: ["REPLICATE_WEBHOOK_SECRET": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]
    ) { _ in nil }
    _ = DaemonSettings(from: &reader)
    return reader.forms
  }

  private static let introduction = """
    # Settings

    Settings come from the environment and from `--env-file`, where the environment takes precedence. An
    empty value counts as none. A wrong or misspelt one keeps the daemon from starting, with one line that
    names it and the fix. A duration has units, such as `30s`, `5m`, `12h`, `1h30m` or `30d`; a size is in
    bytes, or has one of `KiB`, `MiB` and `GiB`.

    A setting with *file* is a secret. It may also come from the file that the variable with `_FILE` at its
    end names, or from the systemd credential of its name in lower case.

    [On SIGHUP](reload.md) those with *reload* are read again; with *(reload)* only where the setting was set
    and stays set. All others need a restart.

    This document is made from the code: `REFERENCES=write swift test --filter SettingsReferenceTests` writes
    it, and the tests compare it.

    """

  private static func text() -> String {
    let forms = forms()
    return (groups + capabilities).reduce(introduction) { text, group in
      text + "\n## \(group.title)\n\n| setting | values | default | |\n|---|---|---|---|\n"
        + group.variables.map { row($0, forms[$0.name]) }.joined()
    }
  }

  private static func row(_ variable: SettingVariable, _ form: SettingForm?) -> String {
    let reload =
      switch variable.reload {
      case .none: ""
      case .always: " *reload*"
      case .whileSet: " *(reload)*"
      }
    let standard = variable.standard ?? form?.standard
    return "| `\(variable.name)`\(variable.isSecret ? " *file*" : "")\(reload) | \(form?.values ?? "") | "
      + "\(standard.map { "`\($0)`" } ?? "–") | \(variable.summary) |\n"
  }

  @Test func `the document is what the code says`() throws {
    if ProcessInfo.processInfo.environment["REFERENCES"] == "write" {
      try Self.text().write(to: Self.document, atomically: true, encoding: .utf8)
    }
    let written = try String(contentsOf: Self.document, encoding: .utf8)
    let (lines, expected) = (written.split(separator: "\n"), Self.text().split(separator: "\n"))
    for (line, made) in zip(lines, expected) { #expect(line == made) }
    #expect(lines.count == expected.count, "write it with REFERENCES=write")
  }

  @Test func `each setting is in one group, with what it is for`() {
    let listed = (Self.groups + Self.capabilities).flatMap(\.variables)
    #expect(Set(listed.map(\.name)) == Set(DaemonSettings.variables.map(\.name)))
    #expect(Set(listed).count == listed.count)
    for variable in listed { #expect(variable.summary.hasSuffix("."), "\(variable.name)") }
  }

  /// The defaults that are texts are those of `.env.example`, which most begin with.
  @Test func `the sample has the same defaults`() throws {
    let sample = try String(
      contentsOf: Self.root.appendingPathComponent(".env.example"), encoding: .utf8)
    let (values, problems) = EnvironmentFile.parse(sample, named: ".env.example")
    #expect(problems.isEmpty)
    let forms = Self.forms()
    for variable in DaemonSettings.variables {
      guard let value = try #require(values[variable.name], "\(variable.name)").nonEmpty else { continue }
      let standard = variable.standard ?? forms[variable.name]?.standard
      // `75s` is `1m15s`.
      let duration = standard.flatMap { SettingValue.duration($0) }
      let isSame = value == standard || duration != nil && SettingValue.duration(value) == duration
      #expect(isSame, "\(variable.name): \(standard ?? "none")")
    }
  }
}

extension String {
  fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
