internal import Bytes
internal import Glibc
internal import Observability
internal import Settings

/// The SQLite file of the daemon, and the space that is left beside it.
enum DatabaseFile {
  /// As `Daemon` declares it, which reports what is wrong with it.
  private static let variable = SettingVariable("DATABASE_URL", isSecret: true)
  private static let scheme = "sqlite:"
  private static let fallback = "replicate-webhookd.db"

  /// Nil where the database is a server's.
  static func path(from reader: inout SettingsReader) -> String? {
    guard !reader.hasProblem(with: variable) else { return nil }
    guard let text = reader.secretText(variable).map({ String($0[...].trimmed) }) else { return fallback }
    return text.hasPrefix(scheme) ? String(text.dropFirst(scheme.count)) : nil
  }

  static func families(at path: String) -> [any MetricFamily] {
    [
      ComputedGauge(
        "replicate_webhookd_database_size_bytes", help: "Size of the database's file, without the WAL."
      ) { size(at: path) },
      ComputedGauge(
        "replicate_webhookd_free_bytes", help: "Free space on the file system of the database."
      ) { freeBytes(beside: path) },
    ]
  }

  /// Nil where there is no such file.
  static func size(at path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : nil
  }

  /// What is free for users other than root. Nil where there is no such file.
  static func freeBytes(beside path: String) -> Int? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    let (bytes, isTooLarge) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return isTooLarge ? .max : Int(clamping: bytes)
  }
}
