internal import CPostgreSQL
internal import Glibc
internal import Time

/// Connects to the first host of a target that accepts.
///
/// libpq tries several hosts by itself, but one after the other. With PQconnectPoll it leaves connect_timeout
/// to the caller, who cannot make it go on to the next host. So each attempt here has one address:
/// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PQCONNECTSTARTPARAMS
struct Connecting {
  let target: ConnectionTarget
  let applicationName: String
  let notices: NoticeLog
  let deadline: MonotonicTime

  /// The head start of a host before the next one, as in RFC 8305.
  ///
  /// Then the next one is tried beside it. A machine that is gone does not refuse: after a failover it would
  /// cost its whole connect_timeout.
  private static let headStart = Duration.milliseconds(250)
  /// Failures that an error names.
  private static let maxFailures = 6

  func connect() throws(PostgreSQLError) -> OpaquePointer {
    var failures: [String] = []
    for session in target.sessions {
      if let handle = connect(session, &failures) {
        notices.clear()
        return handle
      }
    }
    if failures.isEmpty { failures = ["no time left to connect"] }
    throw .connection(failures.prefix(Self.maxFailures).joined(separator: "; "))
  }

  /// - Parameter session: the value of target_session_attrs.
  private func connect(_ session: String, _ failures: inout [String]) -> OpaquePointer? {
    // Where several servers may qualify, the order of the hosts decides, however slow the first one is.
    let isOrdered = session != "read-write" && session != "primary"
    var waiting = target.hosts[...]
    var running: [HostAttempt] = []
    var nextStart = MonotonicClock.now
    // Bounded by the deadline, and by the addresses of the hosts.
    while MonotonicClock.now < deadline {
      if let host = waiting.first, running.isEmpty || (!isOrdered && MonotonicClock.now >= nextStart) {
        waiting.removeFirst()
        do throws(PostgreSQLError) {
          running.append(try HostAttempt(host, session: session, self))
          nextStart = MonotonicClock.now + Self.headStart
        } catch {
          failures.append(error.description)
        }
        continue
      }
      guard !running.isEmpty else { return nil }
      let limit = running.map(\.limit).reduce(waiting.isEmpty || isOrdered ? deadline : nextStart, min)
      let ready = SocketWait.ready(running.map { ($0.socket, $0.events) }, until: min(limit, deadline))
      for (index, attempt) in running.enumerated().reversed() {
        do throws(PostgreSQLError) {
          if let handle = try attempt.advance(isReady: ready[index]) { return handle }
        } catch {
          failures.append(error.description)
          running.remove(at: index)
          nextStart = MonotonicClock.now
        }
      }
    }
    failures += running.map { "\($0.name) did not answer in time" }
    return nil
  }
}

/// The attempts to connect to one host, address by address.
private final class HostAttempt {
  private let host: ConnectionTarget.Host
  private let session: String
  private let connecting: Connecting
  private var addresses: ArraySlice<String?> = [nil]
  private var handle: OpaquePointer?
  /// What the socket is polled for.
  private(set) var events = Int32(POLLOUT)
  /// When the present address has had its connect_timeout.
  private(set) var limit: MonotonicTime

  var name: String { "\(host.name ?? host.address ?? "socket"):\(host.port)" }
  var socket: Int32 { PQsocket(handle) }

  /// Resolves the host's name, and starts with its first address.
  init(_ host: ConnectionTarget.Host, session: String, _ connecting: Connecting) throws(PostgreSQLError) {
    (self.host, self.session, self.connecting) = (host, session, connecting)
    limit = Self.limit(connecting)
    if let address = host.address {
      addresses = [address]
    } else if let name = host.name, !host.isSocket {
      addresses = try HostAddresses.resolve(name, deadline: limit).map { $0 }[...]
    }
    try startNext(after: .connection("\(name) has no address"))
  }

  deinit { PQfinish(handle) }

  /// Goes on as far as the socket permits.
  ///
  /// - Returns: the connection once it is established.
  func advance(isReady: Bool) throws(PostgreSQLError) -> OpaquePointer? {
    do throws(PostgreSQLError) {
      guard isReady else {
        guard MonotonicClock.now < limit else { throw .connection("\(name) did not answer in time") }
        return nil
      }
      switch PQconnectPoll(handle) {
      case PGRES_POLLING_READING: events = Int32(POLLIN)
      case PGRES_POLLING_WRITING: events = Int32(POLLOUT)
      case PGRES_POLLING_OK: return try establish()
      default: throw failure
      }
      return nil
    } catch {
      try startNext(after: error)
      return nil
    }
  }

  private func establish() throws(PostgreSQLError) -> OpaquePointer? {
    guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else { throw failure }
    defer { handle = nil }
    return handle
  }

  private func startNext(after failure: PostgreSQLError) throws(PostgreSQLError) {
    var failure = failure
    while let address = addresses.popFirst(), MonotonicClock.now < connecting.deadline {
      do throws(PostgreSQLError) {
        return try start(address)
      } catch {
        failure = error
      }
    }
    throw failure
  }

  private func start(_ address: String?) throws(PostgreSQLError) {
    PQfinish(handle)
    var options = connecting.target.options
    options["host"] = host.name
    options["hostaddr"] = address
    options["port"] = host.port
    options["target_session_attrs"] = session
    options["fallback_application_name"] = connecting.applicationName
    handle = ConnectionOptions.start(options)
    guard let handle else { throw .connection("out of memory") }
    connecting.notices.receive(from: handle)
    // libpq begins as if the socket were writable.
    (events, limit) = (Int32(POLLOUT), Self.limit(connecting))
    guard PQstatus(handle) != CONNECTION_BAD else { throw failure }
  }

  private static func limit(_ connecting: Connecting) -> MonotonicTime {
    connecting.target.connectTimeout.map { min(connecting.deadline, MonotonicClock.now + $0) }
      ?? connecting.deadline
  }

  private var failure: PostgreSQLError { .connection(MessageText.line(PQerrorMessage(handle))) }
}
