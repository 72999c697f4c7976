internal import KeptFiles
internal import Logging
internal import Observability

extension LogEntry {
  static func archiveFileFailed(job: String, file: Int64, code: ArchiveCode, cause: String) -> LogEntry {
    LogEntry(
      .warning, "file not kept; it stays listed: try again with POST /jobs/{id}/archive",
      ["job": .text(job), "file": .number(Int(file)), "code": .text(code.rawValue), "cause": .text(cause)])
  }

  static func archiveSpoolFull(freeBytes: Int) -> LogEntry {
    LogEntry(
      .warning, "too little free space for files; they are fetched when there is more: free some",
      ["free_bytes": .number(freeBytes)])
  }

  static func archivePaused(_ code: ArchiveCode, cause: String) -> LogEntry {
    LogEntry(
      .warning, "the archive takes no files; they wait in the spool, and it is tried again",
      ["code": .text(code.rawValue), "cause": .text(cause)])
  }

  static var archiveResumed: LogEntry { LogEntry(.notice, "the archive takes files again") }

  static func archiveNodesDiffer(_ nodes: [String]) -> LogEntry {
    LogEntry(
      .error,
      "other daemons of this database keep files in another folder; nothing is stored: share one file system",
      ["nodes": .text(nodes.joined(separator: " "))])
  }

  static func archiveTookOver(node: String, files: Int) -> LogEntry {
    LogEntry(
      .notice, "a daemon is gone; the files of its spool are fetched again",
      ["node": .text(node), "files": .number(files)])
  }

  static func archiveSwept(files: Int) -> LogEntry {
    LogEntry(.notice, "files of an earlier run removed from the spool", ["files": .number(files)])
  }

  static func archiveListUnsupported(job: String, file: Int64) -> LogEntry {
    LogEntry(
      .warning, "a playlist is kept as it is; the files that it names are not",
      ["job": .text(job), "file": .number(Int(file))])
  }
}
