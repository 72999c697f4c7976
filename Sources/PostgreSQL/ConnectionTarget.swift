/// The servers of a `postgresql://` URL, and how to connect to them.
///
/// Passwords, certificates and service files are libpq's matter. What the URL, the environment and a service
/// file leave open is set for failover: short timeouts, and only a server that takes writes.
package struct ConnectionTarget: Sendable {
  /// One server of the URL.
  struct Host: Equatable, Sendable {
    /// Name, address or folder of a socket. Nil for libpq's default.
    var name: String?
    /// Numeric address that replaces the resolution of the name.
    var address: String?
    var port: String

    /// A socket's folder, or its name in the abstract namespace.
    var isSocket: Bool { address == nil && (name ?? "/").first.map { "/@".contains($0) } == true }

    var isLocal: Bool {
      guard !isSocket else { return true }
      let place = address ?? name ?? ""
      return place == "localhost" || place == "::1" || place.hasPrefix("127.")
    }
  }

  /// See https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS.
  ///
  /// tcp_user_timeout is in milliseconds, the others in seconds. It also bounds how long a commit waits on a
  /// machine that is gone.
  private static let defaults = [
    "connect_timeout": "2", "tcp_user_timeout": "3000", "keepalives": "1", "keepalives_idle": "5",
    "keepalives_interval": "2", "keepalives_count": "3", "target_session_attrs": "read-write",
  ]

  private static let sessions = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]

  let hosts: [Host]
  /// Everything but the hosts. It may hold a password.
  let options: [String: String]
  /// The values of target_session_attrs to try one after the other.
  let sessions: [String]
  /// For each address. Nil where it is bounded by the caller's deadline alone.
  let connectTimeout: Duration?

  /// - Parameter url: `postgresql://user@host1:5432,host2:5432/database?sslmode=verify-full`
  package init(url: String) throws(PostgreSQLError) {
    guard ["postgresql://", "postgres://"].contains(where: url.hasPrefix), !url.utf8.contains(0) else {
      throw .connection("the connection URL does not start with postgresql://")
    }
    let parsed = try ConnectionOptions.parse(url)
    let effective = try ConnectionOptions.effective(parsed)
    hosts = try Self.hosts(in: effective)
    options = parsed.merging(Self.defaults.filter { effective[$0.key] == nil }) { $1 }
      .merging(["client_encoding": "UTF8"]) { $1 }
      .filter { !["host", "hostaddr", "port"].contains($0.key) }
    let attributes = effective["target_session_attrs"] ?? Self.defaults["target_session_attrs"] ?? "any"
    guard Self.sessions.contains(attributes) else {
      throw .connection("target_session_attrs must be one of \(Self.sessions.joined(separator: ", "))")
    }
    // libpq tries all hosts for a standby first; with one host a connection, that is up to us.
    sessions = attributes == "prefer-standby" ? ["standby", "any"] : [attributes]
    let seconds = Int(effective["connect_timeout"] ?? "2") ?? 2
    connectTimeout = seconds > 0 ? .seconds(seconds) : nil
    database = parsed["dbname"] ?? effective["dbname"].flatMap { $0 == effective["user"] ? nil : $0 }
  }

  private let database: String?

  /// Whether every server is on this machine: loopback or a socket.
  package var isLocal: Bool { hosts.allSatisfy(\.isLocal) }

  /// The lists of host, hostaddr and port, joined as libpq joins them.
  private static func hosts(in options: [String: String]) throws(PostgreSQLError) -> [Host] {
    func list(_ keyword: String) -> [String]? {
      options[keyword].map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    }
    let names = list("host")
    let addresses = list("hostaddr")
    let ports = list("port") ?? [""]
    let count = addresses?.count ?? names?.count ?? 1
    guard names?.count ?? count == count, ports.count == 1 || ports.count == count else {
      throw .connection("the connection URL has different numbers of hosts and ports")
    }
    var hosts: [Host] = []
    for index in 0..<count {
      let port = ports[ports.count == 1 ? 0 : index]
      let host = Host(
        name: names.flatMap { $0[index].isEmpty ? nil : $0[index] },
        address: addresses.flatMap { $0[index].isEmpty ? nil : $0[index] }, port: port.isEmpty ? "5432" : port
      )
      guard let number = Int(host.port), (1...65535).contains(number) else {
        throw .connection("the connection URL has a port that is not between 1 and 65535")
      }
      // The rest of a password that holds an unescaped @.
      guard host.name?.dropFirst().contains("@") != true else {
        throw .connection("the connection URL has an @ in a host: write an @ of a password as %40")
      }
      hosts.append(host)
    }
    return hosts
  }
}

extension ConnectionTarget: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Hosts, ports and database; never user or password.
  package var description: String {
    let servers = hosts.map { host in
      let place = host.name ?? host.address ?? "localhost"
      return place.contains(":") ? "[\(place)]:\(host.port)" : "\(place):\(host.port)"
    }
    return servers.joined(separator: ",") + (database.map { "/" + $0 } ?? "")
  }

  package var debugDescription: String { description }

  package var customMirror: Mirror { Mirror(self, children: []) }
}
