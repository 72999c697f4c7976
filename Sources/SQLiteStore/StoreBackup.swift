internal import StoreSeam
package import SQLite
internal import SQLiteSchema

extension DatabaseBackup {
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
        markSQL:
          "INSERT OR REPLACE INTO keys (name, value) VALUES ('\(StoreKey.backupMarker)', x'01')"))
  }
}
