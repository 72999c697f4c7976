import Foundation
import LiveDaemon
import OldSchemas
import Scratch
import Testing

extension ProcessTests {
  /// The daemon under a service manager, which the test plays.
  ///
  /// The manager has socket activation and notifications.
  @Suite struct ServiceManagerTests {
    @Test func aRestartWithAHandedOverSocketRefusesNoConnection() throws {
      let folder = try TemporaryFolder()
      let manager = try ServiceManagerDouble(in: folder)
      let senders = Senders(count: 3, port: manager.port)
      var daemon = try manager.startDaemon()
      for _ in 0..<5 {
        // Some deliveries first, so that the restart falls into the middle of them.
        try senders.waitForAcknowledgements(20)
        #expect(try manager.stop(daemon) == 0)
        daemon = try manager.startDaemon()
      }
      try senders.waitForAcknowledgements(20)
      let outcome = try senders.finish()
      #expect(outcome.failures == [])
      #expect(try manager.stop(daemon) == 0)
      #expect(manager.messages == (0..<6).flatMap { _ in ["READY=1", "STOPPING=1"] })

      let reader = try Daemon(in: folder)
      for prediction in outcome.acknowledged {
        #expect(try reader.job(prediction)["state"] as? String == "succeeded", "\(prediction) is lost")
      }
    }

    /// Otherwise a long migration would be ended by the manager's timeout, at every start.
    @Test func `a migration is logged and the manager gives the start more time`() throws {
      let folder = try TemporaryFolder()
      let database = folder.url.appendingPathComponent("replicate-webhookd.db").path
      try execute(OldSchema.version2.sql, in: database)
      let manager = try ServiceManagerDouble(in: folder)
      let daemon = try manager.startDaemon()
      // Three migrations lead to the present schema.
      let more = "EXTEND_TIMEOUT_USEC=60000000"
      #expect(manager.messages == [more, more, more, "READY=1"])
      // The log is complete when the daemon has ended.
      #expect(try manager.stop(daemon) == 0)
      let log = try String(contentsOf: folder.url.appendingPathComponent("log"), encoding: .utf8)
      let lines = log.split(separator: "\n")
      let migrating = try #require(lines.firstIndex { $0.contains("migrating the store") })
      let opened = try #require(lines.firstIndex { $0.contains("store opened") })
      #expect(migrating < opened && lines[migrating].contains("work and change numbers"))
      // The next start has nothing to migrate.
      #expect(try manager.stop(manager.startDaemon()) == 0)
      #expect(manager.messages.suffix(3) == ["STOPPING=1", "READY=1", "STOPPING=1"])
    }

    /// A hanging disk looks like this: the writer waits in a system call.
    @Test func `a writer that stands still ends the signs of life`() throws {
      let folder = try TemporaryFolder()
      let manager = try ServiceManagerDouble(in: folder)
      let daemon = try manager.startDaemon(["WATCHDOG_USEC=1000000"])
      for _ in 0..<3 { try manager.waitForLife() }
      let locker = try LockHolder(folder.url.appendingPathComponent("replicate-webhookd.db").path)
      let connection = try HTTPConnection(host: "127.0.0.1", port: manager.port)
      try connection.send(SignedDelivery(id: "m", prediction: "p", status: "succeeded").request)
      // A check takes a quarter of the timeout. Without a sign of life for all of it, the manager acts.
      try manager.waitForLife(isAlive: false)
      try manager.waitForLife(isAlive: false)
      try locker.release()
      try manager.waitForLife()
      #expect(try connection.receive().status == 200)
      #expect(try manager.stop(daemon) == 0)
      let log = try String(contentsOf: folder.url.appendingPathComponent("log"), encoding: .utf8)
      #expect(log.contains("makes no progress") && log.contains(#""thread":"writer""#))
      #expect(manager.statuses.allSatisfy { $0.contains(" deliveries/s, ") && $0.contains(" jobs open, ") })
    }

    @Test func aSocketThatIsNotHandedOverIsNamed() throws {
      let result = try Program.run(
        ["serve"],
        environment: [
          "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "systemd:webhooks",
          "API_LISTEN": "127.0.0.2:0", "DATABASE_URL": "sqlite:/dev/shm/\(UUID().uuidString).db",
        ])
      #expect(result.status == 78)
      #expect(result.error.contains("WEBHOOK_LISTEN: systemd handed over no socket named webhooks"))
    }
  }
}

/// A stand-in for systemd.
///
/// It holds a listening socket, starts the daemon with it, and receives its notifications.
private final class ServiceManagerDouble {
  let port: Int
  private let listener: Int32
  private let notifications: Int32
  private let folder: TemporaryFolder
  /// Those that mark a change of state.
  private(set) var messages: [String] = []
  private(set) var statuses: [String] = []

  init(in folder: TemporaryFolder) throws {
    self.folder = folder
    let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutableBytes(of: &address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { rebound in
        bind(listening, rebound.baseAddress, length) == 0 && listen(listening, 512) == 0
          && getsockname(listening, rebound.baseAddress, &length) == 0
      }
    }
    let receiving = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var target = sockaddr_un()
    target.sun_family = sa_family_t(AF_UNIX)
    let path = Array(folder.url.appendingPathComponent("notify").path.utf8)
    withUnsafeMutableBytes(of: &target) { bytes in
      for (index, byte) in path.enumerated() { bytes[MemoryLayout<sa_family_t>.size + index] = byte }
    }
    let isBound = withUnsafeBytes(of: target) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) {
        bind(receiving, $0.baseAddress, socklen_t(bytes.count)) == 0
      }
    }
    (listener, notifications) = (listening, receiving)
    port = Int(UInt16(bigEndian: address.sin_port))
    try #require(isListening && isBound)
  }

  deinit {
    close(listener)
    close(notifications)
  }

  /// Starts a daemon, and waits for its readiness notification.
  ///
  /// - Parameter environment: lines of its environment beside the usual ones.
  func startDaemon(_ environment: [String] = []) throws -> HandedOverDaemon {
    let daemon = try HandedOverDaemon(
      listener: listener, folder: folder, notifySocket: folder.url.appendingPathComponent("notify").path,
      environment: environment)
    try receive(until: "READY=1")
    return daemon
  }

  /// Sends SIGTERM, waits for the stop notification, and returns the exit status.
  func stop(_ daemon: HandedOverDaemon) throws -> Int32 {
    let status = try daemon.stop()
    try receive(until: "STOPPING=1")
    return status
  }

  /// Waits for a status with a sign of life, or one without it.
  func waitForLife(isAlive: Bool = true) throws {
    var status = ""
    repeat {
      status = try next("a status")
      statuses.append(status)
    } while status.hasPrefix("WATCHDOG=1\nSTATUS=") != isAlive
  }

  private func receive(until message: String) throws {
    repeat {
      let next = try next(message)
      if next.contains("STATUS=") { statuses.append(next) } else { messages.append(next) }
    } while messages.last != message
  }

  private func next(_ awaited: String) throws -> String {
    var ready = pollfd(fd: notifications, events: Int16(POLLIN), revents: 0)
    try #require(poll(&ready, 1, 30_000) == 1, "the daemon did not send \(awaited)")
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = recv(notifications, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}

/// A daemon started with a socket as its descriptor 3.
private final class HandedOverDaemon {
  private var processID: pid_t = 0
  private var hasEnded = false

  init(
    listener: Int32, folder: TemporaryFolder, notifySocket: String, environment more: [String] = []
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, listener, 3)
    posix_spawn_file_actions_addopen(
      &actions, 2, folder.url.path + "/log", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    // sd_listen_fds(3) requires the process's own number, which a shell knows before it executes the daemon.
    // It closes descriptors inherited from the tests, whose connections the daemon would otherwise keep open.
    let script = """
      cd "$0"
      for open in /proc/$$/fd/*; do [ "${open##*/}" -gt 3 ] && eval "exec ${open##*/}>&-"; done
      LISTEN_PID=$$ exec "$1" serve
      """
    let arguments = ["/bin/bash", "-c", script, folder.url.path, Program.path]
    let environment =
      [
        "REPLICATE_WEBHOOK_SECRET=\(Daemon.secret)", "WEBHOOK_LISTEN=systemd:webhooks",
        "API_LISTEN=127.0.0.2:0",
        "LISTEN_FDS=1", "LISTEN_FDNAMES=webhooks", "NOTIFY_SOCKET=\(notifySocket)", "LOG_LEVEL=notice",
      ] + more
    let result = withCStrings(arguments) { arguments in
      withCStrings(environment) { posix_spawn(&processID, "/bin/bash", &actions, nil, arguments, $0) }
    }
    try #require(result == 0)
  }

  deinit {
    if !hasEnded {
      kill(processID, SIGKILL)
      waitpid(processID, nil, 0)
    }
  }

  /// Sends SIGTERM, and returns the exit status.
  func stop() throws -> Int32 {
    kill(processID, SIGTERM)
    var status: Int32 = 0
    try #require(waitpid(processID, &status, 0) == processID)
    hasEnded = true
    return status & 0x7F == 0 ? status >> 8 & 0xFF : -1
  }
}

private func withCStrings<Result>(
  _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
  let copies = strings.map { strdup($0) }
  defer { copies.forEach { free($0) } }
  return body(copies + [nil])
}
