internal import StoreSeam
#if PostgreSQL
  internal import Ledger
  internal import PostgreSQLStore
  internal import StoreMove
#endif

/// What `move` has copied and compared.
package struct DatabaseMoveSummary: Sendable {
  package let jobs: Int64
  package let rows: Int64
}

/// Why `move` ended: one line with cause and remedy.
package struct DatabaseMoveError: Error, CustomStringConvertible {
  package enum Kind: Sendable {
    case noFile
    case unreachable
    case failed
  }

  package let kind: Kind
  package let description: String
}

/// The move of a SQLite file into a PostgreSQL database.
package enum DatabaseMove {
  /// - Parameters:
  ///   - restarts: whether the rows of an interrupted move are deleted first.
  ///   - progress: receives how far the move has come, as a line.
  package static func run(
    from path: String, to url: DatabaseURL, restarts: Bool, progress: (_ line: String) -> Void
  ) throws(DatabaseMoveError) -> DatabaseMoveSummary {
    #if PostgreSQL
      do throws(StorageError) {
        try PostgreSQLStore.migrate(try PostgreSQLSupport.options(url))
      } catch {
        throw DatabaseMoveError(kind: kind(of: error), description: "--to: \(error)")
      }
      do throws(MoveError) {
        let move = try StoreMove(from: path, to: url.revealed, tables: Capabilities.tables)
        let summary = try move.run(restarts: restarts) { step in
          let verb = step.isVerifying ? "comparing" : "copying  "
          let percent = step.totalRows == 0 ? 100 : min(100, 100 * step.rows / step.totalRows)
          progress("\(verb)  \(percent) %  \(step.table)")
        }
        return DatabaseMoveSummary(jobs: summary.jobs, rows: summary.rows)
      } catch {
        throw DatabaseMoveError(kind: kind(of: error), description: "\(error)")
      }
    #else
      throw DatabaseMoveError(kind: .failed, description: PostgreSQLSupport.advice)
    #endif
  }

  #if PostgreSQL
    private static func kind(of error: StorageError) -> DatabaseMoveError.Kind {
      if case .unavailable = error { .unreachable } else { .failed }
    }

    private static func kind(of error: MoveError) -> DatabaseMoveError.Kind {
      switch error {
      case .noSource: .noFile
      case .unreachable: .unreachable
      case .source, .target, .notEmpty, .inUse, .otherMove, .concurrent, .differs: .failed
      }
    }
  #endif
}
