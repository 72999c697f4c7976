internal import StoreSeam
internal import Logging
internal import System
internal import Tables

/// The schema of a store, and the mark of a restored backup: the work of `migrate`.
package struct StoreMigration {
  private let engine: any StoreEngine

  /// Opens nothing yet.
  package init(of settings: DatabaseSettings) throws(StartError) {
    engine = try StoreEngines.make(
      for: settings, logger: Logger(label: "migrate") { _ in SwiftLogNoOpLogHandler() })
  }

  /// The names of the migrations that the database lacks. Nil where it holds no store yet.
  package func pending() throws(StartError) -> [String]? {
    try StartError.converting { try engine.pendingMigrations() }
  }

  /// Creates or migrates the store, and counts again what is counted.
  ///
  /// - Parameters:
  ///   - isRestored: marks the store as a restored backup: the next start searches for the predictions that
  ///     may have been created since, before it creates any.
  ///   - progress: receives the name of each migration before it runs.
  package func run(
    isRestored: Bool, progress: @Sendable (_ migration: String) -> Void
  ) throws(StartError) {
    try StartError.converting {
      let store = try engine.openStore(progress: progress)
      _ = try store.commit(reading: { .none }) { _ in
        var writes = WriteSet()
        if isRestored { writes.keys = [.put(StoreKey.backupMarker, [1])] }
        // A program of an earlier version, which counts nothing, may have written meanwhile.
        writes.sweeps = Capabilities.tables.filter { $0.seed != nil }.map { .seed($0) }
        return writes
      }
      try store.finish()
    }
  }
}
