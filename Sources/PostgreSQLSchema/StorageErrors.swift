package import StoreSeam
package import PostgreSQL

extension StorageError {
  /// An error of the server, by what the caller can do.
  package init(_ error: PostgreSQLError) {
    self =
      switch error {
      case .connection(let text), .timedOut(let text): .unavailable(text)
      case .unexpected(let text): .corrupt(text)
      case .server(let state, let text): StorageError(state, text)
      }
  }

  /// See https://www.postgresql.org/docs/current/errcodes-appendix.html.
  private init(_ state: SQLState, _ text: String) {
    switch (state.category, state.rawValue) {
    case (_, "23505"), ("40", _): self = .conflict(text)
    case (_, "53100"): self = .full("\(text); free space on the disk of the database server")
    case (_, "58030"): self = .device(text)
    case ("XX", _): self = .corrupt(text)
    // An undefined table or column, or no permission to use it.
    case ("42", _), ("3F", _), ("3D", _): self = .schema("\(text); run `migrate` as the database's owner")
    // Values that the server cannot store, that exceed its limits, or that a trigger rejects.
    case ("22", _), ("23", _), ("54", _), ("P0", _): self = .rejected(text)
    default: self = .unavailable(text)
    }
  }

  package static var foreignRow: StorageError { .corrupt("a row holds what this program never writes") }
}

/// Runs `body`, and throws its error in the terms of the ledger.
@inline(__always)
package func converting<Result>(
  _ body: () throws(PostgreSQLError) -> Result
) throws(StorageError) -> Result {
  do throws(PostgreSQLError) {
    return try body()
  } catch {
    throw StorageError(error)
  }
}

extension SQLState {
  package static let insufficientPrivilege = SQLState(rawValue: "42501")
  package static let duplicateTable = SQLState(rawValue: "42P07")

  /// Whether another transaction was first, so that the same one may succeed.
  package var isConflict: Bool {
    switch self {
    case .uniqueViolation, .serializationFailure, .deadlockDetected: true
    default: false
    }
  }

  /// Whether this server takes no writes now, and another may.
  ///
  /// It shuts down or starts up, or has become a standby.
  package var endsSession: Bool {
    category == "08" || rawValue.hasPrefix("57P") || self == .readOnlyTransaction
  }
}
