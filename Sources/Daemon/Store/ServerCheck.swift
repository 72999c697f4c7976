internal import StoreSeam

#if PostgreSQL
  internal import PostgreSQLReports
  internal import PostgreSQLStore
#endif

/// What `check` finds out about a PostgreSQL server.
package enum ServerCheck {
  /// The lines of `check`, as it finds them.
  ///
  /// Throws where `serve` would not start.
  ///
  /// - Returns: whether daemons are connected to the database.
  package static func run(
    _ url: DatabaseURL, requiresStandby: Bool, print: (_ line: String) -> Void
  ) throws(StartError) -> Bool {
    #if PostgreSQL
      do throws(StorageError) {
        let options = try PostgreSQLSupport.options(url, requiresStandby: requiresStandby)
        print("database   \(options.target)")
        let found = try PostgreSQLStore.examine(options)
        try found.report(to: print)
        return found.daemonConnections > 0
      } catch {
        throw StartError(ofServer: error)
      }
    #else
      throw .store(.unavailable(PostgreSQLSupport.advice))
    #endif
  }
}
