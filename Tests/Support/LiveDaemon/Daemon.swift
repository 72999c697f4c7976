internal import Foundation
internal import Synchronization
internal import Testing

/// A running daemon process on ports chosen by the system.
package final class Daemon {
  package static let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

  package let process = ChildProcess()
  package private(set) var webhookPort = 0
  package private(set) var apiPort = 0
  /// Retained as long as the daemon works in it.
  private let folder: TemporaryFolder
  /// The file that standard error goes to.
  private let logFile: URL
  /// The pipe of an unread log. It is copied to the file until the daemon listens.
  private let unreadLog: Pipe?
  /// What the log must not show. Each daemon is checked at its end.
  private let forbidden: Mutex<ForbiddenTexts>

  /// - Parameters:
  ///   - descriptorLimit: the limit on descriptors; nil: that of the tests.
  ///   - arguments: of `serve`.
  ///   - wrapper: a command with arguments that executes the daemon, whose command is appended.
  ///   - hasLog: false if the wrapper closes standard error: the ports are then found in proc(5).
  ///   - executable: the daemon to start.
  ///   - readsLog: false if the log goes into a pipe that is read only up to the addresses.
  package init(
    in folder: TemporaryFolder, environment: [String: String] = [:], arguments: [String] = [],
    descriptorLimit: Int? = nil, wrapper: [String] = [], hasLog: Bool = true,
    executable: String = Program.path, readsLog: Bool = true
  ) throws {
    self.folder = folder
    let limited = descriptorLimit.map { ["/bin/sh", "-c", "ulimit -n \($0) && exec \"$0\" \"$@\""] } ?? []
    let command = wrapper + StartingThread.killedWithUs + limited + [executable, "serve"] + arguments
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = folder.url
    let variables = [
      "REPLICATE_WEBHOOK_SECRET": Self.secret, "WEBHOOK_LISTEN": "127.0.0.1:0", "API_LISTEN": "127.0.0.2:0",
      "LOG_FORMAT": "text",
    ].merging(environment) { $1 }
    forbidden = Mutex(ForbiddenTexts(environment: variables, folder: folder.url))
    process.environment = variables.merging(sanitizerOptions) { own, _ in own }
    logFile = folder.url.appendingPathComponent("log-\(UUID().uuidString)")
    try Data().write(to: logFile)
    unreadLog = readsLog ? nil : Pipe()
    if let unreadLog {
      process.standardError = unreadLog
    } else {
      process.standardError = try FileHandle(forWritingTo: logFile)
    }
    process.standardInput = FileHandle.nullDevice
    try StartingThread.run(process)
    if hasLog { try learnPorts() } else { try findPorts() }
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    for finding in forbiddenTextsInLog { Issue.record("the daemon's log shows \(finding)") }
  }

  /// Secrets, inputs and outputs that the log shows.
  package var forbiddenTextsInLog: [String] {
    guard let log = try? FileHandle(forReadingFrom: logFile) else { return [] }
    let bytes = (try? log.read(upToCount: Self.maxSearchedBytes)) ?? Data()
    return forbidden.withLock { $0.findings(in: bytes) }
  }

  /// Of a log that a test floods, this much is searched.
  private static let maxSearchedBytes = 16 * 1024 * 1024

  /// Stops the daemon, and returns its log.
  package func logAfterStop() -> String {
    _ = stop()
    return logText
  }

  package var logPath: String { logFile.path }

  /// The addresses that the log announces for `purpose`.
  package func addresses(of purpose: String) -> [String] {
    logText.split(separator: "\n").filter { $0.contains("listening") && $0.contains("purpose=\(purpose)") }
      .compactMap { line in
        line.split(separator: " ").first { $0.hasPrefix("address=") }.map {
          String($0.dropFirst("address=".count))
        }
      }
  }

  /// Waits until the log has `text`, for at most half a minute.
  package func waitForLog(_ text: String) throws {
    try wait("\(text) in the log") { logText.contains(text) }
  }

  /// Empty if the file cannot be read, which the expectations then show.
  private var logText: String {
    String(decoding: (try? Data(contentsOf: logFile)) ?? Data(), as: UTF8.self)
  }

  /// Sends SIGKILL: nothing is finished, nothing is flushed.
  package func killAtOnce() {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Sends SIGTERM, and returns the exit status.
  package func stop() -> Int32 {
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// Polls for both sockets, for at most half a minute.
  private func findPorts() throws {
    for _ in 0..<6000 where process.isRunning {
      let ports = ["127.0.0.1", "127.0.0.2"].compactMap {
        ListeningPorts.port(of: process.processIdentifier, on: $0)
      }
      if ports.count == 2 {
        (webhookPort, apiPort) = (ports[0], ports[1])
        return
      }
      poll(nil, 0, 5)
    }
    throw Unusable("the daemon does not listen")
  }

  /// Waits half a minute at most for both addresses in the log.
  private func learnPorts() throws {
    for _ in 0..<6000 where webhookPort == 0 || apiPort == 0 {
      guard process.isRunning else { throw Unusable("the daemon ended: \(logText)") }
      try copyUnreadLog()
      for line in logText.split(separator: "\n") where line.contains("listening") {
        // A unix socket has no port; any number but 0 marks it as announced.
        let fields = Self.fields(of: line)
        let port = fields["address"]?.split(separator: ":").last.map { Int($0) ?? -1 } ?? 0
        if fields["purpose"] != "api" { webhookPort = port }
        if fields["purpose"] != "webhooks" { apiPort = port }
      }
      poll(nil, 0, 5)
    }
    guard webhookPort != 0, apiPort != 0 else { throw Unusable("the daemon does not listen: \(logText)") }
  }

  /// The fields of a line in either format.
  ///
  /// Fields with spaces in their values are left out.
  private static func fields(of line: Substring) -> [String: String] {
    if let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] {
      return object.compactMapValues { $0 as? String }
    }
    let pairs = line.split(separator: " ").compactMap { word -> (String, String)? in
      let parts = word.split(separator: "=", maxSplits: 1)
      return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }
    return Dictionary(pairs) { first, _ in first }
  }
}

extension Daemon {
  /// Copies the pipe of an unread log to the file.
  private func copyUnreadLog() throws {
    guard let source = unreadLog?.fileHandleForReading else { return }
    var readiness = pollfd(fd: source.fileDescriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&readiness, 1, 100) > 0 else { return }
    let target = try FileHandle(forUpdating: logFile)
    try target.seekToEnd()
    try target.write(contentsOf: source.availableData)
    try target.close()
  }

  /// Sends a request without a body to the jobs API.
  package func fetch(_ path: String, method: String = "GET", fields: [String] = []) throws -> HTTPAnswer {
    let connection = try HTTPConnection(host: "127.0.0.2", port: apiPort)
    try connection.send(request(method, path, ["Host: 127.0.0.2:\(apiPort)"] + fields))
    return try connection.receive(isHead: method == "HEAD")
  }

  package func post(_ delivery: SignedDelivery) throws -> HTTPAnswer {
    forbidden.withLock { $0.add(body: delivery.body) }
    let connection = try HTTPConnection(host: "127.0.0.1", port: webhookPort)
    try connection.send(delivery.request)
    return try connection.receive()
  }

  /// Sends a POST to the jobs API.
  package func post(
    _ body: String, to path: String = "/jobs", fields: [String] = ["Content-Type: application/json"]
  ) throws -> HTTPAnswer {
    forbidden.withLock { $0.add(body: Array(body.utf8)) }
    let connection = try HTTPConnection(host: "127.0.0.2", port: apiPort)
    let fields = ["Host: 127.0.0.2", "Content-Length: \(body.utf8.count)"] + fields
    try connection.send(request("POST", path, fields) + Array(body.utf8))
    return try connection.receive()
  }

  package func job(_ id: String) throws -> [String: Any] {
    let answer = try fetch("/jobs/\(id)")
    guard let job = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any] else {
      throw Unusable("no job: \(answer.text)")
    }
    return job
  }

  private func request(_ method: String, _ path: String, _ fields: [String]) -> [UInt8] {
    Array(("\(method) \(path) HTTP/1.1\r\n" + fields.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }
}
