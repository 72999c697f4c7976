import Foundation
import LiveDaemon

/// A simulator, and a daemon that creates its predictions there.
///
/// Each can be replaced by another process on the same port.
final class Station {
  let folder: TemporaryFolder
  private(set) var simulator: LiveSimulator
  private(set) var daemon: Daemon
  private let simulatorPort: Int
  private let ports: (webhooks: Int, api: Int)
  private let environment: [String: String]

  var apiPort: Int { ports.api }

  /// - Parameters:
  ///   - simulated: the simulator's arguments.
  ///   - environment: the daemon's settings, beside those that point to the simulator.
  init(_ simulated: [String] = [], _ environment: [String: String] = [:], secret: String = Daemon.secret)
    throws
  {
    let free = try FreePorts.choose(3)
    simulatorPort = free[0]
    ports = (free[1], free[2])
    folder = try TemporaryFolder()
    simulator = try LiveSimulator(on: simulatorPort, simulated, secret: secret)
    self.environment = [
      "REPLICATE_API_TOKEN": "r8_of_a_stand_in", "REPLICATE_API_URL": simulator.url,
      "PUBLIC_URL": "http://127.0.0.1:\(ports.webhooks)", "WEBHOOK_LISTEN": "127.0.0.1:\(ports.webhooks)",
      "API_LISTEN": "127.0.0.2:\(ports.api)", "RECONCILE_AFTER": "1s", "CREATES_PER_MINUTE": "60000",
      "LOG_LEVEL": "notice",
    ].merging(environment) { $1 }
    daemon = try Daemon(in: folder, environment: self.environment)
  }

  var databasePath: String { folder.url.appendingPathComponent("replicate-webhookd.db").path }

  /// Kills the daemon, and starts another.
  ///
  /// - Parameter meanwhile: receives the path of the database while no daemon runs.
  func replaceDaemon(_ meanwhile: (String) throws -> Void = { _ in }) throws {
    daemon.killAtOnce()
    try meanwhile(databasePath)
    daemon = try Daemon(in: folder, environment: environment)
  }

  /// Suspends the simulator, which keeps its connections and its memory.
  func stopSimulator() { kill(simulator.process.processIdentifier, SIGSTOP) }

  func continueSimulator() { kill(simulator.process.processIdentifier, SIGCONT) }

  /// Starts another simulator, which has no predictions.
  func replaceSimulator(_ arguments: [String] = [], secret: String = Daemon.secret) throws {
    simulator.killAtOnce()
    simulator = try LiveSimulator(on: simulatorPort, arguments, secret: secret)
  }
}

// MARK: - The daemon's API

extension Station {
  /// Submits a job, and returns its id.
  func submit(_ body: String) throws -> String {
    let answer = try Caller(apiPort).post("/jobs", body)
    guard answer.status == 202, let id = answer.object["id"] as? String else {
      throw Unusable("no job was made: \(answer.status) \(answer.text)")
    }
    return id
  }

  func cancel(_ id: String) throws -> Int { try Caller(apiPort).post("/jobs/\(id)/cancel", nil).status }

  func state(of id: String) throws -> String { try daemon.job(id)["state"] as? String ?? "" }

  func errorCode(of id: String) throws -> String? {
    (try daemon.job(id)["error"] as? [String: Any])?["code"] as? String
  }

  /// Returns the job as soon as it is in one of `states`.
  func job(_ id: String, in states: Set<String>, seconds: Int = 30) throws -> [String: Any] {
    var job: [String: Any] = [:]
    try wait("\(id) in \(states)", seconds: seconds) {
      job = try daemon.job(id)
      return states.contains(job["state"] as? String ?? "")
    }
    return job
  }

  /// A sample of the daemon's metrics.
  func metric(_ sample: String) throws -> Int {
    let parts = sample.split(separator: "{")
    let label = parts.count > 1 ? parts[1].dropLast() : ""
    let values = try daemon.fetch("/metrics").text.split(separator: "\n").filter { line in
      let name = line.prefix { $0 != "{" && $0 != " " }
      return name == "replicate_webhookd_\(parts[0])" && (label.isEmpty || line.contains(label))
    }.map { $0.split(separator: " ").last.flatMap { Int($0) } }
    guard !values.isEmpty, !values.contains(nil) else { throw Unusable("no metric \(sample)") }
    return values.compactMap(\.self).reduce(0, +)
  }
}

/// Sends requests with bodies to the daemon's API, on one connection.
final class Caller {
  private let port: Int
  private let connection: HTTPConnection

  struct Answer {
    let status: Int
    let text: String
    var object: [String: Any] {
      (try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]) ?? [:]
    }
  }

  init(_ port: Int) throws {
    self.port = port
    connection = try HTTPConnection(host: "127.0.0.2", port: port)
  }

  func post(_ path: String, _ body: String?, key: String? = nil) throws -> Answer {
    let body = body ?? ""
    var head = "POST \(path) HTTP/1.1\r\nHost: 127.0.0.2:\(port)\r\nContent-Length: \(body.utf8.count)\r\n"
    if !body.isEmpty { head += "Content-Type: application/json\r\n" }
    if let key { head += "Idempotency-Key: \(key)\r\n" }
    try connection.send(Array("\(head)\r\n\(body)".utf8))
    let answer = try connection.receiveStatusAndBody()
    return Answer(status: answer.status, text: String(decoding: answer.body, as: UTF8.self))
  }

  func get(_ path: String) throws -> [String: Any] {
    try connection.send(Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.2:\(port)\r\n\r\n".utf8))
    let answer = try connection.receiveStatusAndBody()
    guard let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any] else {
      throw Unusable("\(path) was answered \(answer.status)")
    }
    return object
  }
}
