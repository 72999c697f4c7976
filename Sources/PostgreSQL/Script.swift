internal import CPostgreSQL
package import Time

extension Connection {
  /// Runs several statements, separated by semicolons, without parameters or results.
  ///
  /// They are one transaction unless they hold BEGIN and COMMIT
  /// (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT).
  package func script(_ sql: String, deadline: MonotonicTime) throws(PostgreSQLError) {
    try checkReady()
    // The simple query protocol is not available in pipeline mode.
    guard PQexitPipelineMode(handle) == 1, PQsendQuery(handle, sql) == 1 else { throw lost() }
    activity = .script(failure: nil)
    try finishScript(deadline: deadline)
  }

  func finishScript(deadline: MonotonicTime) throws(PostgreSQLError) {
    guard case .script(var failure) = activity else { return }
    // Bounded by the deadline; nil ends the results of all statements.
    while true {
      guard try awaitResult(deadline: deadline) else {
        activity = .script(failure: failure)
        throw .timedOut("the server has not answered in time")
      }
      guard let result = PQgetResult(handle) else { break }
      defer { PQclear(result) }
      switch PQresultStatus(result) {
      case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: break
      case PGRES_FATAL_ERROR:
        let error = try serverError(result)
        if failure == nil { failure = error }
      default: throw broken("the server sent a result of another kind than that of a query")
      }
    }
    activity = .none
    guard PQenterPipelineMode(handle) == 1 else { throw lost() }
    if let failure { throw failure }
  }
}
