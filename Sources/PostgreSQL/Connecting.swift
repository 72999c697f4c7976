internal import CPostgreSQL
internal import Glibc
internal import Time

/// Connects to the first host of a target that accepts.
///
/// libpq tries several hosts by itself, but with PQconnectPoll it leaves connect_timeout to the caller, who
/// cannot make it go on to the next host. So each attempt has one address
/// (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PQCONNECTSTARTPARAMS).
struct Connecting {
  let target: ConnectionTarget
  let applicationName: String
  let notices: NoticeLog
  let deadline: MonotonicTime

  /// Failures that an error names.
  private static let maxFailures = 6

  func connect() throws(PostgreSQLError) -> OpaquePointer {
    var failures: [String] = []
    for session in target.sessions {
      for host in target.hosts {
        guard MonotonicClock.now < deadline else { break }
        do throws(PostgreSQLError) {
          return try connect(to: host, session: session)
        } catch {
          if failures.count < Self.maxFailures { failures.append(error.description) }
        }
      }
    }
    if MonotonicClock.now >= deadline, failures.count < target.hosts.count {
      failures.append("no time left to connect")
    }
    throw .connection(failures.joined(separator: "; "))
  }

  private func connect(
    to host: ConnectionTarget.Host, session: String
  ) throws(PostgreSQLError) -> OpaquePointer {
    var addresses: [String?] = [host.address]
    if host.address == nil, let name = host.name, !host.isSocket {
      addresses = try HostAddresses.resolve(name, deadline: attemptDeadline())
    }
    var failure = PostgreSQLError.connection("\(host.name ?? "the host") has no address")
    for address in addresses {
      do throws(PostgreSQLError) {
        return try attempt(host, address: address, session: session)
      } catch {
        failure = error
      }
      guard MonotonicClock.now < deadline else { break }
    }
    throw failure
  }

  private func attemptDeadline() -> MonotonicTime {
    target.connectTimeout.map { min(deadline, MonotonicClock.now + $0) } ?? deadline
  }

  /// Connects to one address.
  private func attempt(
    _ host: ConnectionTarget.Host, address: String?, session: String
  ) throws(PostgreSQLError) -> OpaquePointer {
    var options = target.options
    options["host"] = host.name
    options["hostaddr"] = address
    options["port"] = host.port
    options["target_session_attrs"] = session
    options["fallback_application_name"] = applicationName
    let limit = attemptDeadline()
    guard let handle = ConnectionOptions.start(options) else { throw .connection("out of memory") }
    notices.receive(from: handle)
    do throws(PostgreSQLError) {
      try establish(handle, until: limit)
      return handle
    } catch {
      PQfinish(handle)
      guard case .timedOut = error else { throw error }
      throw .connection("\(host.name ?? address ?? "socket"):\(host.port) did not answer in time")
    }
  }

  private func establish(_ handle: OpaquePointer, until limit: MonotonicTime) throws(PostgreSQLError) {
    guard PQstatus(handle) != CONNECTION_BAD else { throw failure(of: handle) }
    var state = PGRES_POLLING_WRITING
    // Bounded by the limit.
    while state != PGRES_POLLING_OK {
      guard state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING else {
        throw failure(of: handle)
      }
      let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
      guard try SocketWait.wait(for: Int32(events), of: PQsocket(handle), until: limit) else {
        throw .timedOut("")
      }
      state = PQconnectPoll(handle)
    }
    guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else {
      throw failure(of: handle)
    }
  }

  private func failure(of handle: OpaquePointer) -> PostgreSQLError {
    .connection(MessageText.line(PQerrorMessage(handle)))
  }
}
