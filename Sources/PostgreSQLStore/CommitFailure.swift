internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema

/// What follows from a failed try of a commit.
enum CommitFailure: Error {
  /// Another try would fail, too.
  case final(StorageError)
  /// Nothing was committed, and another try may succeed.
  case again(CommitRetry, StorageError)
  /// The connection is lost. The row of its writer shows whether the batch was committed.
  case lost(cause: String, InDoubt?)

  init(_ error: PostgreSQLError, committing batch: InDoubt? = nil) {
    switch error {
    case .server(let state, let text) where !state.endsSession:
      self = CommitRetry(state).map { .again($0, .conflict(text)) } ?? .final(StorageError(error))
    case .timedOut: self = .final(StorageError(error))
    case .server, .connection, .unexpected: self = .lost(cause: "\(error)", batch)
    }
  }

  static func of<Value>(
    _ body: () throws(PostgreSQLError) -> Value
  ) throws(CommitFailure) -> Value {
    do throws(PostgreSQLError) {
      return try body()
    } catch {
      throw CommitFailure(error)
    }
  }
}

/// A batch whose commit was sent, and whose outcome is not known.
struct InDoubt {
  /// The number that its transaction has written to the writer's row.
  let batch: Int64
  let changes: [CommittedChange]
}

extension CommitRetry {
  /// Nil where another try cannot help.
  init?(_ state: SQLState) {
    switch state {
    case .uniqueViolation: self = .uniqueViolation
    case .serializationFailure: self = .serialization
    case .deadlockDetected: self = .deadlock
    case .invalidStatementName, .duplicatePreparedStatement: self = .preparedStatement
    case .queryCanceled: self = .canceled
    default: return nil
    }
  }
}
