/// Why a move ended, by what its operator can do.
package enum MoveError: Error, Equatable, Sendable {
  /// There is no SQLite file at that path.
  case noSource(String)
  /// The SQLite file cannot be read, or a daemon uses it.
  case source(String)
  /// The server does not answer.
  case unreachable(String)
  /// The server refuses what the move needs.
  case target(String)
  /// The database holds a store already.
  case notEmpty
  /// Daemons are connected to the database.
  case inUse(Int)
  /// The database holds a part of another move, or of an earlier state of the file.
  case otherMove
  /// Another move into the database is under way.
  case concurrent
  /// A table does not hold what the file holds.
  case differs(table: String, String)
}

extension MoveError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .noSource(let path): "--from: there is no database at \(path): check the path"
    case .source(let text): "--from: \(text)"
    case .unreachable(let text), .target(let text): "--to: \(text)"
    case .notEmpty:
      "--to: the database holds jobs already: name an empty one, because two stores cannot be joined"
    case .inUse(let count): "--to: \(count) connection(s) of daemons use the database: stop them first"
    case .otherMove:
      """
      --to: the database holds a part of another file, or of this one before it changed: repeat the command \
      with --restart to begin again
      """
    case .concurrent: "--to: another move into this database is under way: wait for it, or end it"
    case .differs(let table, let text):
      """
      the table \(table) differs after the move: \(text). Nothing is lost in the file; repeat the command \
      with --restart, and report this if it happens again
      """
    }
  }
}
