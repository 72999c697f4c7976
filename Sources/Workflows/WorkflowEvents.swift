internal import Logging
internal import Observability

extension LogEntry {
  static func workflowRepaired(_ id: String) -> LogEntry {
    LogEntry(
      .warning, "workflow had missed the end of a job; it goes on", ["workflow": .text(id)])
  }

  static func workflowsPruned(count: Int) -> LogEntry {
    LogEntry(.info, "workflows deleted after RETENTION, with their jobs", ["count": .number(count)])
  }
}
