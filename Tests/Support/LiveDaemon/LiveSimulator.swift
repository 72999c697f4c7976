internal import Foundation

/// The built simulator of Replicate, in its own process.
package final class LiveSimulator {
  package let process = ChildProcess()
  package let port: Int
  package var url: String { "http://127.0.0.1:\(port)" }
  private let folder: TemporaryFolder

  /// - Parameters:
  ///   - port: the port it listens on, chosen by ``FreePorts``.
  ///   - secret: the signing secret.
  package init(
    on port: Int, _ arguments: [String] = [], secret: String = Daemon.secret
  ) throws {
    self.port = port
    folder = try TemporaryFolder()
    let secretFile = try folder.write(secret + "\n", to: "secret")
    let output = folder.url.appendingPathComponent("output")
    try Data().write(to: output)
    let command =
      StartingThread.killedWithUs + [
        Program.path(of: "replicate-simulator"), "--listen", "127.0.0.1:\(port)", "--quiet", "--secret-file",
        secretFile,
      ] + arguments
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardInput = FileHandle.nullDevice
    try StartingThread.run(process)
    try wait("the simulator's address") {
      guard process.isRunning else { throw Unusable("the simulator ended") }
      return try Data(contentsOf: output).last == UInt8(ascii: "\n")
    }
  }

  deinit {
    killAtOnce()
  }

  package func killAtOnce() {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }
}

// MARK: - Predictions

extension LiveSimulator {
  /// A prediction, and the fate of its webhooks.
  package struct Prediction {
    package let id: String
    package let status: String
    /// How many predictions were created with its webhook's URL.
    package let createCount: Int
    package let webhook: String?
    /// The fate of the webhook `completed`: `acknowledged`, `lost`, `failed`, `pending` or `none`.
    package let completed: String

    /// The job that the webhook's URL names.
    package var job: String? {
      guard let query = webhook?.split(separator: "?job=").last, query != webhook?[...] else { return nil }
      return query.split(separator: ".").first.map(String.init)
    }

    init(_ facts: [String: Any]) {
      id = facts["id"] as? String ?? ""
      status = facts["status"] as? String ?? ""
      createCount = facts["create_count"] as? Int ?? 0
      webhook = facts["webhook"] as? String
      completed = (facts["webhooks"] as? [String: Any])?["completed"] as? String ?? ""
    }
  }

  package struct Overview {
    package let created: Int
    /// Whether every prediction has ended, and no webhook is pending.
    package let isSettled: Bool
    package let predictions: [Prediction]
  }

  /// - Parameter limit: the maximum number of predictions.
  package func overview(limit: Int = 10_000) throws -> Overview {
    let facts = try object("/simulator/predictions?limit=\(limit)")
    return Overview(
      created: facts["created"] as? Int ?? 0, isSettled: facts["settled"] as? Bool ?? false,
      predictions: (facts["predictions"] as? [[String: Any]] ?? []).map(Prediction.init))
  }

  /// The creation times from the API's list, newest first.
  ///
  /// They are in seconds of the day.
  package func creationTimes() throws -> [Double] {
    var times: [Double] = []
    var path: String? = "/v1/predictions"
    while let next = path {
      let page = try object(next)
      for item in page["results"] as? [[String: Any]] ?? [] {
        guard let text = item["created_at"] as? String, let time = Self.seconds(text) else {
          throw Unusable("no time of creation: \(item)")
        }
        times.append(time)
      }
      path = (page["next"] as? String).map { String($0.dropFirst(url.count)) }
    }
    return times
  }

  /// The seconds of the day of `2026-11-26T08:36:47.123Z`.
  private static func seconds(_ text: String) -> Double? {
    let parts = text.dropFirst(11).dropLast().split(separator: ":").compactMap { Double($0) }
    return parts.count == 3 ? parts[0] * 3600 + parts[1] * 60 + parts[2] : nil
  }

  private func object(_ path: String) throws -> [String: Any] {
    let connection = try HTTPConnection(host: "127.0.0.1", port: port)
    try connection.send(
      Array("GET \(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer any\r\n\r\n".utf8))
    let answer = try connection.receiveStatusAndBody()
    guard let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any] else {
      throw Unusable("the simulator answered \(answer.status)")
    }
    return object
  }
}

/// Ports for processes that are restarted on them.
package enum FreePorts {
  /// Chooses ports below ip_local_port_range, which begins at 32768.
  ///
  /// So no connecting process is assigned one of them while its process is away.
  package static func choose(_ count: Int) throws -> [Int] {
    var ports: Set<Int> = []
    for _ in 0..<1000 where ports.count < count {
      let port = Int.random(in: 20_000..<32_000)
      if try isFree(port) { ports.insert(port) }
    }
    guard ports.count == count else { throw Unusable("no port is free") }
    return ports.shuffled()
  }

  private static func isFree(_ port: Int) throws -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw Unusable("no socket") }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    let result = withUnsafeBytes(of: address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { bind(descriptor, $0.baseAddress, socklen_t(bytes.count)) }
    }
    return result == 0
  }
}
