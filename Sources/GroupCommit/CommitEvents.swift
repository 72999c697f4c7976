internal import Logging
package import Observability

extension LogEntry {
  /// Its occurrences are limited per cause, which includes the remedy.
  static func storeWriteFailed(cause: String) -> LogEntry {
    LogEntry(.error, "store write failed; answering 503 until a write succeeds", ["cause": .text(cause)])
  }

  static var storeWriteSucceeds: LogEntry { LogEntry(.notice, "store writes succeed again") }

  package static func checkpointFailed(cause: String) -> LogEntry {
    LogEntry(.warning, "checkpoint failed; retrying after a later commit", ["cause": .text(cause)])
  }

  static func finalCheckpointFailed(cause: String) -> LogEntry {
    LogEntry(
      .warning, "final checkpoint failed; the next start reads the WAL, nothing is lost",
      ["cause": .text(cause)])
  }
}
