import Foundation
import LiveDaemon
package import PostgreSQL
import Time

/// A PostgreSQL server for tests.
///
/// It listens on 127.0.0.1 and on a socket. It runs as another account than root, with `fsync` on, and ends
/// with the tests however those end. Use it on one thread at a time, or only to make databases.
///
/// `@unchecked Sendable`: the state that changes is behind a lock, or belongs to one test.
package final class PostgreSQLServer: @unchecked Sendable {
  /// Whether tests use PostgreSQL: where it is installed, or must be.
  package static let isAvailable = ServerAccount.canUse("PostgreSQL", at: ServerAccount.binaries)

  /// The server that all tests of this process share.
  ///
  /// It is started when it is first used.
  package static func shared() throws -> PostgreSQLServer {
    try sharedServer.withLock { server in
      if let server { return server }
      let started = try PostgreSQLServer()
      server = started
      return started
    }
  }

  private static let sharedServer = Guarded<PostgreSQLServer?>(nil)

  /// The databases' superuser. No password is needed.
  package static let user = "postgres"

  package let port: Int
  let folder: ServerFolder
  private var process: ChildProcess?

  package var dataFolder: String { folder.path + "/data" }
  package var logFile: String { folder.path + "/log" }
  /// The folder of the socket.
  package var socketFolder: String { folder.path }

  /// Makes and starts a server.
  ///
  /// - Parameters:
  ///   - isInMemory: on /dev/shm, where a sync costs nothing.
  ///   - settings: lines for postgresql.conf.
  ///   - port: nil for a free one.
  package convenience init(isInMemory: Bool = true, settings: [String] = [], port: Int? = nil) throws {
    try self.init(isInMemory: isInMemory, port: port) { folder, binaries in
      try ServerAccount.run([
        "\(binaries)/initdb", "-D", folder + "/data", "-U", Self.user, "-A", "trust", "-E", "UTF8",
        "--locale=C", "--no-sync", "--wal-segsize=4",
      ])
      let lines =
        [
          "shared_buffers = 16MB", "max_connections = 300", "max_wal_size = 256MB", "min_wal_size = 16MB",
          "wal_retrieve_retry_interval = 200ms", "jit = off", "log_line_prefix = '%m [%p] %a '",
        ] + settings
      let file = folder + "/data/postgresql.conf"
      let text = try String(contentsOfFile: file, encoding: .utf8) + lines.joined(separator: "\n") + "\n"
      try text.write(toFile: file, atomically: false, encoding: .utf8)
    }
  }

  /// Makes and starts a standby of `primary`, from a base backup.
  ///
  /// - Parameters:
  ///   - name: the application name, as synchronous_standby_names has it.
  ///   - source: where it finds the primary, such as the port of a relay.
  ///   - port: nil for a free one.
  package convenience init(
    standbyOf primary: PostgreSQLServer, named name: String = "s1", through source: Int? = nil,
    isInMemory: Bool = true, port: Int? = nil
  ) throws {
    try self.init(isInMemory: isInMemory, port: port) { folder, binaries in
      let source =
        "host=127.0.0.1 port=\(source ?? primary.port) user=\(Self.user) application_name=\(name)"
      try ServerAccount.run([
        "\(binaries)/pg_basebackup", "-D", folder + "/data", "-d", source, "-R", "-X", "stream", "-c", "fast",
        "--no-sync",
      ])
      // Otherwise it would wait for itself after its promotion.
      let file = folder + "/data/postgresql.auto.conf"
      let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
      let text = lines.filter { !$0.hasPrefix("synchronous_standby_names") }.joined(separator: "\n") + "\n"
      try text.write(toFile: file, atomically: false, encoding: .utf8)
    }
  }

  private init(
    isInMemory: Bool, port: Int?, _ make: (_ folder: String, _ binaries: String) throws -> Void
  ) throws {
    guard let binaries = ServerAccount.binaries else { throw Unusable("PostgreSQL is not installed") }
    folder = try ServerFolder(isInMemory: isInMemory)
    self.port = try port ?? FreePort.find()
    try make(folder.path, binaries)
    RunningServers.add(self)
    try start()
  }

  deinit { shutDown() }

  /// Kills it and removes its folder.
  func shutDown() {
    kill()
    folder.remove()
  }

  // MARK: connections

  package func url(database: String = "postgres") -> String {
    "postgresql://\(Self.user)@127.0.0.1:\(port)/\(database)"
  }

  package func connect(to database: String = "postgres") throws -> Connection {
    let target = try ConnectionTarget(url: url(database: database) + "?target_session_attrs=any")
    return try Connection(to: target, named: "test", deadline: MonotonicClock.now + .seconds(30))
  }

  /// Runs one statement as superuser.
  @discardableResult
  package func run(_ sql: String, in database: String = "postgres") throws -> Rows {
    try connect(to: database).run(Query(sql), deadline: MonotonicClock.now + .seconds(60))
  }

  // MARK: processes

  /// The postmaster and its children.
  package var processes: [Int32] {
    guard let id = process?.processIdentifier else { return [] }
    let children = try? String(contentsOfFile: "/proc/\(id)/task/\(id)/children", encoding: .utf8)
    return [id] + (children ?? "").split(separator: " ").compactMap { Int32($0) }
  }

  package var isRunning: Bool { process?.isRunning == true }

  /// Starts it, and waits until it accepts connections.
  package func start() throws {
    guard let binaries = ServerAccount.binaries else { throw Unusable("PostgreSQL is not installed") }
    try? FileManager.default.removeItem(atPath: dataFolder + "/postmaster.pid")
    let started = try ServerAccount.start(
      [
        "\(binaries)/postgres", "-D", dataFolder, "-c", "port=\(port)", "-c", "listen_addresses=127.0.0.1",
        "-c", "unix_socket_directories=\(socketFolder)",
      ], endedBy: "QUIT", log: logFile)
    process = started
    // The eighth line of postmaster.pid is its state (pg_ctl.c).
    try wait("PostgreSQL to start", seconds: 60) {
      guard started.isRunning else {
        let log = (try? String(contentsOfFile: self.logFile, encoding: .utf8)) ?? ""
        throw Unusable("PostgreSQL did not start: \(log.suffix(1000))")
      }
      let lines = (try? String(contentsOfFile: self.dataFolder + "/postmaster.pid", encoding: .utf8)) ?? ""
      let state = lines.split(separator: "\n", omittingEmptySubsequences: false).dropFirst(7).first
      return state?.hasPrefix("ready") == true || state?.hasPrefix("standby") == true
    }
  }

  /// Stops it in order: a fast shutdown, which ends all connections.
  package func stop() throws {
    guard let process, process.isRunning else { return }
    Foundation.kill(process.processIdentifier, SIGINT)
    try wait("PostgreSQL to stop", seconds: 60) { !process.isRunning }
  }

  package func restart() throws {
    try stop()
    try start()
  }

  /// Kills all its processes with SIGKILL, as if the machine had crashed.
  package func kill() {
    guard let process, process.isRunning else { return }
    // Stopped first, so that it starts no other process meanwhile.
    Foundation.kill(process.processIdentifier, SIGSTOP)
    for id in processes.reversed() { Foundation.kill(id, SIGKILL) }
    try? wait("PostgreSQL to end") { !process.isRunning }
  }

  /// Stops all its processes, as if the machine had frozen.
  package func freeze() {
    for id in processes { Foundation.kill(id, SIGSTOP) }
  }

  /// Continues what ``freeze()`` stopped.
  package func thaw() {
    for id in processes.reversed() { Foundation.kill(id, SIGCONT) }
  }

  // MARK: settings and replication

  /// Requires passwords over TCP of all but the superuser.
  package func requirePasswords() throws {
    let lines = [
      "local all all trust", "host all \(Self.user) 127.0.0.1/32 trust",
      "host all all 127.0.0.1/32 scram-sha-256",
    ]
    let file = dataFolder + "/pg_hba.conf"
    try (lines.joined(separator: "\n") + "\n").write(toFile: file, atomically: false, encoding: .utf8)
    try run("SELECT pg_reload_conf()")
    try wait("new rules of authentication") {
      try run("SELECT 1 FROM pg_hba_file_rules WHERE auth_method LIKE 'scram%'").count == 1
    }
  }

  /// Makes a certificate, and accepts TLS from then on.
  package func enableTLS() throws {
    try ServerAccount.run([
      "/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days",
      "30", "-keyout", dataFolder + "/server.key", "-out", dataFolder + "/server.crt",
    ])
    try configure(["ssl": "on"])
    try restart()
  }

  /// Changes settings with ALTER SYSTEM, and reloads them. Nil resets one.
  package func configure(_ settings: [String: String?]) throws {
    for (name, value) in settings {
      if let value {
        let quoted = value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        try run("ALTER SYSTEM SET \(name) = '\(quoted)'")
      } else {
        try run("ALTER SYSTEM RESET \(name)")
      }
    }
    try run("SELECT pg_reload_conf()")
  }

  /// Makes commits wait for the standby `name`; nil: for none.
  package func requireStandby(_ name: String?) throws {
    try configure(["synchronous_standby_names": name ?? ""])
    let state = name == nil ? "async" : "sync"
    try wait("the standby to be \(state)") {
      let shown = try run("SHOW synchronous_standby_names").text(0, 0)
      let others = try run("SELECT 1 FROM pg_stat_replication WHERE sync_state <> '\(state)'").count
      let standbys = try run("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'").count
      return shown == (name ?? "") && others == 0 && (name == nil || standbys > 0)
    }
  }

  /// Makes a standby the primary, and waits until it takes writes.
  package func promote() throws {
    guard try run("SELECT pg_promote(true, 30)").boolean(0, 0) else {
      throw Unusable("the standby was not promoted")
    }
  }
}

/// The servers that must not outlive the tests.
enum RunningServers {
  private struct Entry {
    weak var server: PostgreSQLServer?
  }

  private static let servers = Guarded<[Entry]>([])
  private static let registered: Void = { _ = atexit { RunningServers.shutDownAll() } }()

  static func add(_ server: PostgreSQLServer) {
    registered
    servers.withLock { servers in
      servers.removeAll { $0.server == nil }
      servers.append(Entry(server: server))
    }
  }

  private static func shutDownAll() {
    for entry in servers.withLock({ $0 }) { entry.server?.shutDown() }
  }
}
