internal import CPostgreSQL
internal import Glibc
package import Time

/// A pipeline that was sent, and the received part of its answer.
struct Exchange {
  enum Step {
    case prepare(Query, name: String)
    /// Ends the transaction of an earlier try. Its result is not the caller's.
    case rollback
    case statement
    case sync
  }

  let pipeline: Pipeline
  /// What the server answers, in order.
  var steps: [Step] = []
  var position = 0
  /// Whether the step at `position` only lacks the end of its results.
  var hasResult = false
  var results: [Rows] = []
  var failure: PostgreSQLError?
  /// Whether all of it can be sent again.
  ///
  /// No transaction was open before, and it has committed none.
  var isRepeatable: Bool
}

extension Connection {
  private static let rollback = "ROLLBACK"

  /// Runs all statements of `pipeline` in one round trip.
  ///
  /// After an error of the server the connection can be used again. A transaction that is open then needs a
  /// ROLLBACK.
  ///
  /// - Returns: one result for each statement.
  package func run(_ pipeline: Pipeline, deadline: MonotonicTime) throws(PostgreSQLError) -> [Rows] {
    try checkReady()
    guard !pipeline.isEmpty else { return [] }
    try send(Exchange(pipeline: pipeline, isRepeatable: !isInTransaction))
    return try finishPipeline(deadline: deadline)
  }

  func finishPipeline(deadline: MonotonicTime) throws(PostgreSQLError) -> [Rows] {
    // Two turns at most: a repeated pipeline has no named statements, and is not repeated again.
    while case .pipeline(var exchange) = activity {
      activity = .none
      while exchange.position < exchange.steps.count {
        guard try awaitResult(deadline: deadline) else {
          activity = .pipeline(exchange)
          throw .timedOut("the server has not answered in time")
        }
        try take(PQgetResult(handle), into: &exchange)
      }
      guard let failure = exchange.failure else { return exchange.results }
      guard mustRepeatUnnamed(after: failure) else { throw failure }
      usesNamedStatements = false
      guard exchange.isRepeatable else { throw failure }
      try send(
        Exchange(pipeline: exchange.pipeline, isRepeatable: false), afterRollback: isInTransaction)
    }
    return []
  }

  /// Whether a server did not know a statement of this connection.
  ///
  /// PgBouncer before 1.21 gives each transaction another server
  /// (https://www.pgbouncer.org/features.html, "Protocol-level prepared plans").
  private func mustRepeatUnnamed(after failure: PostgreSQLError) -> Bool {
    guard usesNamedStatements, case .server(let state, _) = failure else { return false }
    return state == .invalidStatementName || state == .duplicatePreparedStatement
  }

  // MARK: sending

  /// Queues the statements of `exchange` and one Sync in libpq's buffer.
  private func send(_ exchange: Exchange, afterRollback: Bool = false) throws(PostgreSQLError) {
    var exchange = exchange
    if afterRollback {
      try checkSent(PQsendQueryParams(handle, Self.rollback, 0, nil, nil, nil, nil, 1))
      exchange.steps.append(.rollback)
    }
    for statement in exchange.pipeline.statements {
      guard parameters.set(statement.parameters) else {
        throw broken("the parameters of a statement exceed 1 GiB")
      }
      try send(statement.query, &exchange)
      exchange.steps.append(.statement)
    }
    try checkSent(PQpipelineSync(handle))
    exchange.steps.append(.sync)
    exchange.results.reserveCapacity(exchange.pipeline.statements.count)
    activity = .pipeline(exchange)
  }

  /// Queues one statement, after its preparation where that is needed.
  private func send(_ query: Query, _ exchange: inout Exchange) throws(PostgreSQLError) {
    guard usesNamedStatements, query.isPlanned, let name = try name(of: query, &exchange) else {
      let types = parameters.types
      return try checkSent(
        parameters.withArguments { count, values, lengths, formats in
          PQsendQueryParams(handle, query.sql, count, types, values, lengths, formats, 1)
        })
    }
    try checkSent(
      parameters.withArguments { count, values, lengths, formats in
        PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1)
      })
  }

  private func name(of query: Query, _ exchange: inout Exchange) throws(PostgreSQLError) -> String? {
    let types = parameters.types
    if let name = statements.name(of: query, types: types) { return name }
    guard let name = statements.add(query, types: types) else { return nil }
    try checkSent(PQsendPrepare(handle, name, query.sql, Int32(types.count), types))
    exchange.steps.append(.prepare(query, name: name))
    return name
  }

  private func checkSent(_ result: Int32) throws(PostgreSQLError) {
    if result != 1 { throw lost() }
  }

  // MARK: receiving

  /// Takes the next result. Nil is the end of a statement's results.
  private func take(_ result: OpaquePointer?, into exchange: inout Exchange) throws(PostgreSQLError) {
    let step = exchange.steps[exchange.position]
    guard let result else {
      guard exchange.hasResult else { throw broken("the server sent no result for a statement") }
      exchange.hasResult = false
      exchange.position += 1
      return
    }
    let rows = Rows(result)
    switch PQresultStatus(result) {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
      if case .statement = step {
        exchange.results.append(rows)
        if strcmp(PQcmdStatus(result), "COMMIT") == 0 { exchange.isRepeatable = false }
      }
    case PGRES_FATAL_ERROR:
      let failure = try serverError(result)
      if exchange.failure == nil { exchange.failure = failure }
      forget(step)
    case PGRES_PIPELINE_ABORTED:
      forget(step)
    case PGRES_PIPELINE_SYNC:
      guard case .sync = step else { throw broken("the server ended a pipeline early") }
      exchange.position += 1
      return
    default:
      throw broken("the server sent a result of another kind than that of a query")
    }
    exchange.hasResult = true
  }

  private func forget(_ step: Exchange.Step) {
    if case .prepare(let query, let name) = step { statements.remove(query, name: name) }
  }

  /// The error in `result`, where the session goes on.
  ///
  /// A FATAL error ends the session (https://www.postgresql.org/docs/current/protocol-error-fields.html).
  func serverError(_ result: OpaquePointer) throws(PostgreSQLError) -> PostgreSQLError {
    let text = MessageText.primary(of: result)
    let severity = MessageText.line(MessageText.field("V", of: result))
    guard let state = MessageText.sqlState(of: result), severity != "FATAL", severity != "PANIC",
      PQstatus(handle) != CONNECTION_BAD
    else {
      hasFailed = true
      activity = .none
      throw .connection(text.isEmpty ? "the connection was lost" : text)
    }
    return .server(state, text)
  }
}
