internal import CPostgreSQL
internal import Glibc
package import Time

/// A connection to a PostgreSQL server, used by one thread at a time.
///
/// libpq runs non-blocking, and every wait is a poll(2) with a deadline. libpq sends with MSG_NOSIGNAL, so a
/// connection that the server closed raises no SIGPIPE (fe-secure.c).
///
/// A request is never canceled, because a canceled wait for a standby reports success for what the standby
/// does not have: https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION-HA
package final class Connection {
  let handle: OpaquePointer
  private let noticeLog = NoticeLog()
  var parameters = ParameterBuffer()
  var statements = PreparedStatements()
  /// False once the server has not known a prepared statement.
  ///
  /// A pooler changes servers.
  var usesNamedStatements = true
  /// What was sent and is not answered yet.
  var activity = Activity.none
  /// Whether an error has ended the connection.
  ///
  /// After an answer that makes no sense, libpq would go on.
  var hasFailed = false

  enum Activity {
    case none
    case pipeline(Exchange)
    case script(failure: PostgreSQLError?)
  }

  /// Connects to the first host of `target` that accepts.
  ///
  /// - Parameter applicationName: shown in pg_stat_activity unless the URL has another.
  package init(
    to target: ConnectionTarget, named applicationName: String, deadline: MonotonicTime
  ) throws(PostgreSQLError) {
    handle = try Connecting(
      target: target, applicationName: applicationName, notices: noticeLog, deadline: deadline
    ).connect()
  }

  /// Closes the socket. The server finishes a commit that it has received.
  deinit { PQfinish(handle) }

  /// Runs one statement.
  package func run(
    _ query: Query, _ parameters: [Parameter] = [], deadline: MonotonicTime
  ) throws(PostgreSQLError) -> Rows {
    var pipeline = Pipeline()
    pipeline.add(query, parameters)
    guard let rows = try run(pipeline, deadline: deadline).first else {
      throw .unexpected("a statement without a result")
    }
    return rows
  }

  /// Goes on waiting for what timed out.
  ///
  /// - Returns: the results of the pipeline; none for a script.
  package func resume(deadline: MonotonicTime) throws(PostgreSQLError) -> [Rows] {
    switch activity {
    case .none: throw .unexpected("nothing to resume")
    case .pipeline: return try finishPipeline(deadline: deadline)
    case .script:
      try finishScript(deadline: deadline)
      return []
    }
  }

  /// Notices and warnings since ``clearNotices()``.
  package var notices: [Notice] { noticeLog.notices }

  package func clearNotices() { noticeLog.clear() }

  /// Whether the connection is lost. Make another one.
  package var isBroken: Bool { hasFailed || PQstatus(handle) == CONNECTION_BAD }

  package var isInTransaction: Bool {
    let status = PQtransactionStatus(handle)
    return !isBroken && status != PQTRANS_IDLE && status != PQTRANS_UNKNOWN
  }

  /// The server's version, such as 150018 for 15.18.
  package var serverVersion: Int { Int(PQserverVersion(handle)) }

  /// Whether TLS protects the connection.
  package var usesTLS: Bool { PQsslInUse(handle) != 0 }

  /// The number of the server's process that serves this connection.
  package var backendProcess: Int32 { PQbackendPID(handle) }

  /// The host and port of the server.
  package var server: String { "\(MessageText.line(PQhost(handle))):\(MessageText.line(PQport(handle)))" }

  /// A setting that the server reports, such as `server_version` or `in_hot_standby`.
  package func parameterStatus(_ name: String) -> String? {
    PQparameterStatus(handle, name).map { MessageText.line($0) }
  }

  // MARK: for the other files of this class

  /// Throws unless a request may be sent.
  func checkReady() throws(PostgreSQLError) {
    guard !isBroken else { throw .connection("the connection is closed") }
    guard case .none = activity else {
      throw .unexpected("the connection is still busy with an earlier request")
    }
  }

  /// Sends what is buffered and receives until a result is there.
  ///
  /// - Returns: false at the deadline.
  func awaitResult(deadline: MonotonicTime) throws(PostgreSQLError) -> Bool {
    // Bounded by the deadline.
    while true {
      let unsent = PQflush(handle)
      if unsent < 0 { throw lost() }
      if PQisBusy(handle) == 0 { return true }
      guard try waitForInput(orOutput: unsent > 0, deadline: deadline) else { return false }
      if PQconsumeInput(handle) == 0 { throw lost() }
    }
  }

  /// - Returns: false at the deadline.
  func waitForInput(
    orOutput: Bool = false, orInputOf other: Int32? = nil, deadline: MonotonicTime
  ) throws(PostgreSQLError) -> Bool {
    let events = Int32(POLLIN) | (orOutput ? Int32(POLLOUT) : 0)
    do throws(PostgreSQLError) {
      guard usesTLS else {
        return try SocketWait.wait(for: events, of: PQsocket(handle), orInputOf: other, until: deadline)
      }
      // OpenSSL may hold the rest of a record that poll(2) cannot see, and libpq checks that only where it
      // waits itself (pqSocketCheck in fe-misc.c). So a wait is short, and libpq then reads without one.
      let limit = min(deadline, MonotonicClock.now + .milliseconds(50))
      let isReady = try SocketWait.wait(for: events, of: PQsocket(handle), orInputOf: other, until: limit)
      return isReady || MonotonicClock.now < deadline
    } catch {
      hasFailed = true
      activity = .none
      throw error
    }
  }

  /// Marks the connection as broken, and finds the reason.
  func lost() -> PostgreSQLError {
    hasFailed = true
    activity = .none
    var text = ""
    // After a loss libpq does not wait; what it had received before may hold the reason. Bounded, because
    // each statement of a pipeline has a result.
    for _ in 0..<8 where PQstatus(handle) == CONNECTION_BAD {
      guard let result = PQgetResult(handle) else { continue }
      defer { PQclear(result) }
      guard PQresultStatus(result) == PGRES_FATAL_ERROR else { continue }
      text = MessageText.primary(of: result)
      if MessageText.sqlState(of: result) != nil { break }
    }
    if text.isEmpty { text = MessageText.line(PQerrorMessage(handle)) }
    return .connection(text.isEmpty ? "the connection was lost" : text)
  }

  /// Marks the connection as broken after a senseless answer.
  func broken(_ text: String) -> PostgreSQLError {
    hasFailed = true
    activity = .none
    return .unexpected(text)
  }
}
