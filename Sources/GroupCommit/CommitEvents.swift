internal import Logging
internal import Observability
internal import Store

extension LogEntry {
  /// Its occurrences are limited per cause, which includes the remedy.
  static func storeWriteFailed(cause: String) -> LogEntry {
    LogEntry(.error, "store write failed; answering 503 until a write succeeds", ["cause": .text(cause)])
  }

  static var storeWriteSucceeds: LogEntry { LogEntry(.notice, "store writes succeed again") }

  static func checkpointFailed(cause: StoreError) -> LogEntry {
    LogEntry(.warning, "checkpoint failed; retrying after a later commit", ["cause": .text("\(cause)")])
  }

  static func finalCheckpointFailed(cause: StoreError) -> LogEntry {
    LogEntry(
      .warning, "final checkpoint failed; the next start reads the WAL, nothing is lost",
      ["cause": .text("\(cause)")])
  }
}
