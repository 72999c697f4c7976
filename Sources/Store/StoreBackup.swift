package import SQLite

extension DatabaseBackup {
  /// The name of a row in `keys` that marks a copy.
  ///
  /// A daemon that starts on a copy thereby knows that calls may have been made since, of which the file has
  /// no record.
  static let marker = "backup"

  /// Prepares a copy of a store; ``run(progress:)`` makes it.
  ///
  /// - Parameters:
  ///   - source: the path of the store's database.
  ///   - destination: the path of the copy.
  ///   - replacesFile: whether a file at `destination` may be replaced.
  package convenience init(
    ofStore source: String, to destination: String, replacingFile replacesFile: Bool
  ) {
    self.init(
      of: source, to: destination, replacingFile: replacesFile,
      content: BackupContent(
        migrations: Schema.migrations, table: "jobs",
        markSQL: "INSERT OR REPLACE INTO keys VALUES ('\(Self.marker)', x'01')"))
  }
}
