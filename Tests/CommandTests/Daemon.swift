import Foundation
import Testing

/// The built command, and the folder it is built in.
enum Program {
  /// Beside the bundle of the tests.
  static let path: String = {
    let arguments = ProcessInfo.processInfo.arguments
    let bundle = arguments.first { $0.hasSuffix(".xctest") } ?? arguments[0]
    return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent(
      "replicate-webhookd"
    ).path
  }()

  /// The root of the project.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  struct Result {
    let status: Int32
    let output: String
    let error: String
  }

  /// Runs the command to its end, with `environment` and nothing else.
  static func run(_ arguments: [String], environment: [String: String] = [:], executable: String = path)
    throws -> Result
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = environment.merging(["PATH": "/usr/bin:/bin"]) { own, _ in own }
      .merging(sanitizerOptions) { own, _ in own }
    let (output, error) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = error
    process.standardInput = FileHandle.nullDevice
    try process.run()
    // Nothing here writes more to standard error than a pipe holds.
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaint = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Result(status: process.terminationStatus, output: text, error: complaint)
  }
}

/// A folder of its own, removed when the test lets it go.
final class TemporaryFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent(
    "replicate-webhookd-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  func write(_ text: String, to name: String) throws -> String {
    let file = url.appendingPathComponent(name)
    try text.write(to: file, atomically: true, encoding: .utf8)
    return file.path
  }
}

/// A running daemon, as a process of its own on ports that the system chose.
final class Daemon {
  static let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

  let process = Process()
  private(set) var webhookPort = 0
  private(set) var apiPort = 0
  /// Kept as long as the daemon works in it.
  private let folder: TemporaryFolder
  /// What the daemon writes to standard error.
  private let logFile: URL

  /// - Parameters:
  ///   - descriptorLimit: how many descriptors it may have; nil for as many as the tests.
  ///   - wrapper: a command, with its arguments, that becomes the daemon: the daemon's are added to them.
  init(
    in folder: TemporaryFolder, environment: [String: String] = [:], descriptorLimit: Int? = nil,
    wrapper: [String] = []
  ) throws {
    self.folder = folder
    let limited = descriptorLimit.map { ["/bin/sh", "-c", "ulimit -n \($0) && exec \"$0\" \"$@\""] } ?? []
    let command = wrapper + limited + [Program.path, "serve"]
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = folder.url
    process.environment = [
      "REPLICATE_WEBHOOK_SECRET": Self.secret, "WEBHOOK_LISTEN": "127.0.0.1:0", "API_LISTEN": "127.0.0.2:0",
      "LOG_FORMAT": "text",
    ].merging(environment) { $1 }.merging(sanitizerOptions) { own, _ in own }
    logFile = folder.url.appendingPathComponent("log-\(UUID().uuidString)")
    try Data().write(to: logFile)
    process.standardError = try FileHandle(forWritingTo: logFile)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    try learnPorts()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// Ends the daemon; what it has logged until then.
  func logAfterStop() -> String {
    _ = stop()
    return logText
  }

  var logPath: String { logFile.path }

  /// The addresses that the log has announced for `purpose`.
  func addresses(of purpose: String) -> [String] {
    logText.split(separator: "\n").filter { $0.contains("listening") && $0.contains("purpose=\(purpose)") }
      .compactMap { line in
        line.split(separator: " ").first { $0.hasPrefix("address=") }.map {
          String($0.dropFirst("address=".count))
        }
      }
  }

  /// Until the log has `text`, for at most half a minute.
  func waitForLog(_ text: String) throws {
    for _ in 0..<6000 {
      if logText.contains(text) { return }
      poll(nil, 0, 5)
    }
    try #require(Bool(false), "not logged: \(text)")
  }

  /// Empty where the file cannot be read, which the expectations then show.
  private var logText: String {
    String(decoding: (try? Data(contentsOf: logFile)) ?? Data(), as: UTF8.self)
  }

  /// SIGKILL: nothing is finished, nothing is flushed.
  func killAtOnce() {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// SIGTERM, and the exit status.
  func stop() -> Int32 {
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// Reads the log until both addresses were said, for at most half a minute.
  private func learnPorts() throws {
    for _ in 0..<6000 where webhookPort == 0 || apiPort == 0 {
      try #require(process.isRunning, "the daemon ended: \(logText)")
      for line in logText.split(separator: "\n") where line.contains("listening") {
        // A unix socket has no port; any number but 0 says that it was announced.
        let address = line.split(separator: " ").first { $0.hasPrefix("address=") }
        let port = address?.split(separator: ":").last.map { Int($0) ?? -1 } ?? 0
        if !line.contains("purpose=api") { webhookPort = port }
        if !line.contains("purpose=webhooks") { apiPort = port }
      }
      poll(nil, 0, 5)
    }
    try #require(webhookPort != 0 && apiPort != 0, "the daemon does not listen: \(logText)")
  }
}

extension Daemon {
  /// Asks the jobs API.
  func ask(_ path: String, method: String = "GET", fields: [String] = []) throws -> HTTPAnswer {
    let connection = try HTTPConnection(host: "127.0.0.2", port: apiPort)
    try connection.send(request(method, path, ["Host: 127.0.0.2:\(apiPort)"] + fields))
    return try connection.receive(isHead: method == "HEAD")
  }

  func post(_ delivery: SignedDelivery) throws -> HTTPAnswer {
    let connection = try HTTPConnection(host: "127.0.0.1", port: webhookPort)
    try connection.send(delivery.request)
    return try connection.receive()
  }

  func job(_ id: String) throws -> [String: Any] {
    let answer = try ask("/jobs/\(id)")
    return try #require(JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
  }

  private func request(_ method: String, _ path: String, _ fields: [String]) -> [UInt8] {
    Array(("\(method) \(path) HTTP/1.1\r\n" + fields.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }
}

/// What sanitizers are told through the environment of the tests, for the processes that these start.
private let sanitizerOptions = ProcessInfo.processInfo.environment.filter { name, _ in
  name == "ASAN_OPTIONS" || name == "TSAN_OPTIONS"
}
