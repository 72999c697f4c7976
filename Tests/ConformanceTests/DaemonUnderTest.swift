import Conformance
import Foundation
import StandardWebhooks
import Testing

/// The built daemon as a process of its own, one for all tests of a suite, ended with it.
final class DaemonUnderTest: Sendable {
  @TaskLocal static var current: DaemonUnderTest?

  /// As settings have it. Small, so that the cases at the limit are quick.
  static let bodyLimit = 64 * 1024
  private static let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

  let runner: Runner
  /// By name.
  let cases: [String: PreparedCase]
  private let process: Int32

  struct Unusable: Error {
    let log: String
  }

  init(in folder: URL) throws {
    let process = Process()
    process.executableURL = Self.program
    process.arguments = ["serve"]
    process.currentDirectoryURL = folder
    process.environment = [
      "REPLICATE_WEBHOOK_SECRET": Self.secret, "WEBHOOK_LISTEN": "127.0.0.1:0", "API_LISTEN": "127.0.0.2:0",
      "LOG_FORMAT": "text", "MAX_BODY": "\(Self.bodyLimit / 1024)KiB",
    ].merging(sanitizerOptions) { own, _ in own }
    let log = folder.appendingPathComponent("log")
    try Data().write(to: log)
    process.standardError = try FileHandle(forWritingTo: log)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    self.process = process.processIdentifier
    do {
      let (webhooks, api) = try Self.ports(from: log, of: process)
      let site = Site.daemon(
        main: Endpoint(
          address: "127.0.0.1", port: webhooks, getTarget: "/healthz", postTarget: "/webhooks/replicate"),
        entityTag: Endpoint(
          address: "127.0.0.2", port: api, getTarget: "/jobs/conformance", postTarget: "/jobs",
          probeTarget: "/readyz"),
        bodyLimit: Self.bodyLimit)
      let runner = Runner(site: site, patience: .seconds(20))
      self.runner = runner
      let prepared = Suite.cases(for: site).compactMap { runner.prepare($0) }
      cases = Dictionary(prepared.map { ($0.item.id, $0) }) { first, _ in first }
      try Self.deliverJob(to: webhooks)
    } catch {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      throw error
    }
  }

  func stop() {
    kill(process, SIGKILL)
  }

  /// Beside the bundle of the tests.
  private static let program: URL = {
    let arguments = ProcessInfo.processInfo.arguments
    let bundle = arguments.first { $0.hasSuffix(".xctest") } ?? arguments[0]
    return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent(
      "replicate-webhookd")
  }()

  /// Waits until the log says both addresses, for at most half a minute.
  private static func ports(from log: URL, of process: Process) throws -> (webhooks: Int, api: Int) {
    var text = ""
    for _ in 0..<6000 where process.isRunning {
      text = try String(contentsOf: log, encoding: .utf8)
      let ports = ["webhooks", "api"].compactMap { purpose -> Int? in
        let line = text.split(separator: "\n").first {
          $0.contains("listening") && $0.contains("purpose=\(purpose)")
        }
        let address = line?.split(separator: " ").first { $0.hasPrefix("address=") }
        return address?.split(separator: ":").last.flatMap { Int($0) }
      }
      if ports.count == 2 { return (ports[0], ports[1]) }
      poll(nil, 0, 5)
    }
    throw Unusable(log: text)
  }

  /// A job with an entity tag, for the answers that have no content.
  private static func deliverJob(to port: Int) throws {
    let body = Array(#"{"id":"conformance","status":"succeeded"}"#.utf8)
    let timestamp = String(Int(Date().timeIntervalSince1970))
    guard
      let signature = Signer.sign(
        id: "msg_1", timestamp: timestamp, body: body.span, with: try Secret(secret))
    else { throw Unusable(log: "nothing could be signed") }
    let fields = [
      "POST /webhooks/replicate HTTP/1.1", "Host: a", "Connection: close", "Content-Length: \(body.count)",
      "webhook-id: msg_1", "webhook-timestamp: \(timestamp)", "webhook-signature: \(signature)", "", "",
    ]
    let request = Array(fields.joined(separator: "\r\n").utf8) + body
    let answer = try RawRequest.send(request, to: "127.0.0.1", port: port, patience: .seconds(30))
    guard answer.starts(with: Array("HTTP/1.1 200".utf8)) else {
      throw Unusable(log: String(decoding: answer, as: UTF8.self))
    }
  }
}

/// Runs the suite's tests while one daemon runs.
struct DaemonScope: SuiteTrait, TestScoping {
  @concurrent func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "conformance-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let daemon = try DaemonUnderTest(in: folder)
    defer { daemon.stop() }
    try await DaemonUnderTest.$current.withValue(daemon) { try await function() }
  }
}

/// What sanitizers are told through the environment of the tests, for the processes that these start.
private let sanitizerOptions = ProcessInfo.processInfo.environment.filter { name, _ in
  name == "ASAN_OPTIONS" || name == "TSAN_OPTIONS"
}
