import Foundation
import HTTPClient
import LiveDaemon
import Testing

/// The built simulator as a process, on a free port.
final class SimulatorProcess {
  static let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

  let process = ChildProcess()
  private(set) var url = ""
  private let folder: URL

  /// The built program.
  static let program = URL(fileURLWithPath: Program.path(of: "replicate-simulator"))

  /// - Parameter environment: additions to the tests' environment. With any, no secret file is given.
  init(_ arguments: [String] = [], environment: [String: String]? = nil) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "replicate-simulator-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let secretFile = folder.appendingPathComponent("secret")
    try Data((Self.secret + "\n").utf8).write(to: secretFile)
    // A file, not a pipe, because processes that other tests start would inherit the pipe.
    let output = folder.appendingPathComponent("output")
    try Data().write(to: output)
    let options =
      ["--listen", "127.0.0.1:0", "--quiet"] + (environment == nil ? ["--secret-file", secretFile.path] : [])
    if let environment {
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    }
    let command = StartingThread.killedWithUs + [Self.program.path] + options + arguments
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardInput = FileHandle.nullDevice
    try StartingThread.run(process)
    try wait("the simulator's address") {
      try #require(process.isRunning, "the simulator ended")
      url = String(decoding: try Data(contentsOf: output), as: UTF8.self)
      return url.hasSuffix("\n")
    }
    url.removeLast()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: folder)
  }

  /// Sends SIGTERM and returns the exit status.
  func stop() -> Int32 {
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    return process.terminationStatus
  }

  struct Answer {
    let status: Int
    let text: String

    var json: [String: Any] {
      (try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]) ?? [:]
    }
  }

  func send(
    _ path: String, body: String? = nil, fields: [String] = ["Authorization: Bearer r8_any"]
  ) throws -> Answer {
    let answer = try BlockingHTTPClient().send(
      HTTPClientRequest(
        body == nil ? .get : .post, path.hasPrefix("http") ? path : url + path, fields: fields,
        body: body.map { Array($0.utf8) }))
    return Answer(status: answer.status, text: String(decoding: answer.body, as: UTF8.self))
  }

  /// Creates a prediction of `model`, and returns its id.
  func create(
    _ model: String, input: String = "{}", webhook: String? = nil, events: String? = nil,
    fields: [String] = []
  ) throws -> String {
    let webhook = webhook.map { #","webhook":"\#($0)""# } ?? ""
    let filter = events.map { #","webhook_events_filter":[\#($0)]"# } ?? ""
    let answer = try send(
      "/v1/models/\(model)/predictions", body: #"{"input":\#(input)\#(webhook)\#(filter)}"#,
      fields: ["Authorization: Bearer r8_any"] + fields)
    try #require(answer.status == 201, "\(answer.text)")
    return try #require(answer.json["id"] as? String)
  }

  /// The overview's predictions once all are settled. Waits at most half a minute.
  func settled(created: Int) throws -> [[String: Any]] {
    for _ in 0..<3000 {
      let overview = try send("/simulator/predictions").json
      if overview["settled"] as? Bool == true, overview["created"] as? Int == created {
        return try #require(overview["predictions"] as? [[String: Any]])
      }
      poll(nil, 0, 10)
    }
    throw NotSettled()
  }

  struct NotSettled: Error {}
}

extension ReceivedWebhook {
  var json: [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]) ?? [:]
  }
  var status: String { json["status"] as? String ?? "" }
}
