internal import Logging
package import Observability
package import Settings

/// What a reload did. No line has a value, which may be a secret.
extension LogEntry {
  package static func settingsReloaded(_ changes: SettingChanges) -> LogEntry {
    guard !changes.applied.isEmpty else { return LogEntry(.notice, "settings reloaded; none has changed") }
    return LogEntry(.notice, "settings reloaded", ["changed": .text(names(changes.applied))])
  }

  /// Nil where nothing needs a restart.
  package static func settingsPending(_ changes: SettingChanges) -> LogEntry? {
    guard !changes.pending.isEmpty else { return nil }
    return LogEntry(
      .warning, "some settings keep their old values until the daemon is restarted",
      ["pending": .text(names(changes.pending))])
  }

  package static func settingsRejected(_ problem: SettingProblem) -> LogEntry {
    LogEntry(
      .error, "settings not reloaded; all keep their old values: correct the problem, then reload",
      ["problem": .text("\(problem)")])
  }

  private static func names(_ variables: [SettingVariable]) -> String {
    variables.map(\.name).joined(separator: " ")
  }
}
