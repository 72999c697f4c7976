import Foundation
import LiveDaemon

/// PgBouncer in transaction mode before a server.
///
/// `@unchecked Sendable`: it belongs to one test.
package final class PgBouncerProxy: @unchecked Sendable {
  /// Whether tests use PgBouncer: where it is installed, or must be.
  package static let isAvailable = ServerAccount.canUse("PgBouncer", at: ServerAccount.pgBouncer)

  package let port: Int
  private let folder: ServerFolder
  private var process: ChildProcess?

  /// - Parameters:
  ///   - targetPort: of the server on 127.0.0.1.
  ///   - poolSize: connections to the server.
  package init(before targetPort: Int, poolSize: Int = 4, settings: [String] = []) throws {
    folder = try ServerFolder(isInMemory: true)
    port = try FreePort.find()
    let lines =
      [
        "[databases]", "* = host=127.0.0.1 port=\(targetPort)", "[pgbouncer]", "listen_addr = 127.0.0.1",
        "listen_port = \(port)", "unix_socket_dir =", "auth_type = trust",
        "auth_file = \(folder.path)/users", "pool_mode = transaction", "default_pool_size = \(poolSize)",
        "server_login_retry = 1", "admin_users = \(PostgreSQLServer.user)",
      ] + settings
    try "\"\(PostgreSQLServer.user)\" \"\"\n".write(
      toFile: folder.path + "/users", atomically: true, encoding: .utf8)
    try (lines.joined(separator: "\n") + "\n").write(
      toFile: folder.path + "/pgbouncer.ini", atomically: true, encoding: .utf8)
    for name in ["users", "pgbouncer.ini"] { try ServerAccount.own("\(folder.path)/\(name)") }
    try start()
  }

  deinit { stop() }

  package func url(database: String = "postgres") -> String {
    "postgresql://\(PostgreSQLServer.user)@127.0.0.1:\(port)/\(database)"
  }

  package func start() throws {
    guard let program = ServerAccount.pgBouncer else { throw Unusable("PgBouncer is not installed") }
    let started = try ServerAccount.start(
      [program, "-q", folder.path + "/pgbouncer.ini"], endedBy: "KILL", log: folder.path + "/log")
    process = started
    try wait("PgBouncer to start") {
      guard started.isRunning else { throw Unusable("PgBouncer did not start") }
      return FreePort.isListening(self.port)
    }
  }

  /// Ends it at once, with all its connections.
  package func stop() {
    guard let process, process.isRunning else { return }
    kill(process.processIdentifier, SIGKILL)
    try? wait("PgBouncer to end") { !process.isRunning }
  }

  package func restart() throws {
    stop()
    try start()
  }
}
