import Foundation
import LiveDaemon
import Testing

/// The built benchmark with the built daemon.
@Suite(.serialized) struct EndToEndTests {
  private static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Program.Result
  {
    try Program.run(arguments, environment: environment, executable: Program.path(of: "webhook-bench"))
  }

  private static func reports(_ result: Program.Result) throws -> [[String: Any]] {
    try result.output.split(separator: "\n").map { line in
      try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  @Test func verifiesEveryAcknowledgedDelivery() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let result = try Self.run(
      ["--deliveries", "500", "--json", "--verify", "--seed", "5"], environment: ["TMPDIR": folder.path])
    #expect(result.status == 0, "\(result.error)")
    let report = try #require(try Self.reports(result).first)
    let lanes = try #require(report["lanes"] as? [String: [String: Any]])
    let lane = try #require(lanes["deliveries"])
    #expect(lane["answers"] as? Int == 500 && lane["statuses"] as? [String: Int] == ["200": 500])
    #expect(lane["broken"] as? Int == 0 && lane["unexpected"] as? Int == 0 && lane["unsent"] as? Int == 0)
    let times = try ["p50_us", "p99_us", "p999_us", "max_us"].map { try #require(lane[$0] as? Int) }
    #expect(times == times.sorted() && times[0] > 0)
    let (seconds, rate) = (
      try #require(lane["seconds"] as? Double), try #require(lane["per_second"] as? Double)
    )
    #expect(abs(seconds * rate - 500) < 1)
    let server = try #require(report["server"] as? [String: Any])
    #expect(try #require(server["peak_memory_bytes"] as? Int) > 1 << 20)
    #expect(
      report["verification"] as? [String: Int]
        == ["jobs": 500, "deliveries": 500, "missing": 0, "wrong_states": 0, "wrong_counts": 0])
    #expect(report["faultless"] as? Bool == true && report["seed"] as? String == "5")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func `a rate holds for every scenario of deliveries`() throws {
    let result = try Self.run([
      "--scenario", "lifecycle", "--deliveries", "120", "--rate", "100", "--connections", "4", "--json",
    ])
    #expect(result.status == 0, "\(result.error)")
    let report = try #require(try Self.reports(result).first)
    let lanes = try #require(report["lanes"] as? [String: [String: Any]])
    #expect(lanes["deliveries"]?["answers"] as? Int == 120)
    // The last one is due after 1.19 s.
    #expect(try #require(lanes["deliveries"]?["seconds"] as? Double) >= 1.19)
    let refused = try Self.run(["--scenario", "new-connections", "--rate", "100"])
    #expect(refused.status == 64 && refused.error.contains("--rate"))
  }

  /// One small run of each, for function rather than speed.
  @Test func everyScenarioRuns() throws {
    let result = try Self.run([
      "--scenario", "all", "--deliveries", "100", "--body-bytes", "1500", "--jobs", "150",
      "--idle-connections", "50",
      "--connections", "8", "--json", "--verify",
    ])
    #expect(result.status == 0, "\(result.error)")
    let reports = try Self.reports(result)
    #expect(reports.count == 17 && reports.allSatisfy { $0["faultless"] as? Bool == true })
    let idle = reports.first { $0["scenario"] as? String == "idle" }
    #expect((idle?["notes"] as? [String: Any])?["idle_connections"] as? Int == 50)
    let callbacks = reports.first { $0["scenario"] as? String == "callbacks" }?["notes"] as? [String: Any]
    #expect(
      try #require(callbacks?["callbacks"] as? Int) > 0 && callbacks?["callbacks_repeated"] as? Int == 0)
    let streams = reports.first { $0["scenario"] as? String == "streams" }?["notes"] as? [String: Any]
    #expect(streams?["streams"] as? Int == 55 && streams?["ends_missing"] as? Int == 0)
    #expect(streams?["wrong_states"] as? Int == 0 && streams?["event_p99_us"] as? Int != nil)
  }

  @Test func storeIsFilledOnceAndReused() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("jobs.db").path
    let store = ["--database", file, "--jobs", "120", "--body-bytes", "1500", "--json"]
    let filling = ["--scenario", "fill", "--deliveries-per-job", "3"] + store
    let first = try Self.run(filling)
    #expect(first.status == 0, "\(first.error)")
    let step = try #require(try Self.reports(first).first)
    #expect(step["jobs"] as? Int == 120 && step["deliveries"] as? Int == 360)
    #expect(try #require(step["resident_bytes"] as? Int) > 1 << 20)
    let second = try Self.run(filling)
    #expect(second.status == 0 && second.output.isEmpty && second.error.contains("already"))
    let reads = try Self.run(["--scenario", "reads", "--deliveries", "100"] + store)
    let report = try #require(try Self.reports(reads).first)
    #expect(report["faultless"] as? Bool == true && report["notes"] == nil, "\(reads.error)")
  }

  @Test func startIsTimedUntilFirstResponse() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let arguments = ["--scenario", "start", "--repeats", "3", "--json"]
    let result = try Self.run(arguments, environment: ["TMPDIR": folder.path])
    #expect(result.status == 0, "\(result.error)")
    let report = try #require(try Self.reports(result).first)
    let (median, max) = (
      try #require(report["p50_us"] as? Int), try #require(report["max_us"] as? Int)
    )
    #expect(median > 1000 && median <= max)
    let memory = try ["anonymous_bytes", "resident_bytes"].map { try #require(report[$0] as? Int) }
    #expect(memory[0] > 1 << 16 && memory[0] < memory[1])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    // A daemon that has ended ends the wait.
    let wrong = try Self.run(arguments + ["--setting", "MAX_BODY=none"])
    #expect(wrong.status == 69 && wrong.error.contains("MAX_BODY"), "\(wrong.status): \(wrong.error)")
  }

  /// After the receiver closes a connection, no request is lost.
  @Test func reconnectsAfterReceiverCloses() throws {
    let result = try Self.run([
      "--deliveries", "300", "--connections", "4", "--json", "--verify", "--setting",
      "MAX_REQUESTS_PER_CONNECTION=10",
    ])
    #expect(result.status == 0, "\(result.error)")
    let lanes = try #require(try Self.reports(result).first?["lanes"] as? [String: [String: Any]])
    let lane = try #require(lanes["deliveries"])
    #expect(lane["answers"] as? Int == 300 && lane["broken"] as? Int == 0)
    #expect((26...30).contains(try #require(lane["reconnects"] as? Int)), "\(lane)")
  }

  @Test func `connections are shared among receivers of one store`() throws {
    let receivers = try (0..<3).map { _ in try ForgetfulReceiver() }
    let urls = receivers.map { "http://127.0.0.1:\($0.port)" }
    let result = try Self.run(
      ["--url", urls[0], "--deliveries", "60", "--connections", "6", "--json"]
        + urls.dropFirst().flatMap { ["--other-url", $0] },
      environment: ["REPLICATE_WEBHOOK_SECRET": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])
    #expect(result.status == 0, "\(result.error)")
    #expect(receivers.map { $0.connections.withLock(\.self) } == [2, 2, 2])
  }

  @Test func `lives and repeats may be chosen`() throws {
    for option in [["--life", "4"], ["--duplicate-percent", "50"]] {
      let result = try Self.run(option + ["--deliveries", "400", "--verify"])
      #expect(result.status == 0, "\(result.error)")
      #expect(result.output.contains("400 deliveries of"), "\(result.output)")
      #expect(!result.output.contains("of 400 jobs"), "\(result.output)")
    }
  }

  @Test func silentReceiverEndsTheRun() throws {
    let silent = try ForgetfulReceiver(answers: false)
    let result = try Self.run(
      ["--url", "http://127.0.0.1:\(silent.port)", "--deliveries", "10", "--seconds", "1", "--json"],
      environment: ["REPLICATE_WEBHOOK_SECRET": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])
    #expect(result.status == 1)
    let lanes = try #require(try Self.reports(result).first?["lanes"] as? [String: [String: Any]])
    let lane = try #require(lanes["deliveries"])
    #expect(lane["answers"] as? Int == 0 && lane["unanswered"] as? Int == 10 && lane["p50_us"] == nil)
  }

  /// Verification detects a receiver that acknowledges deliveries and records none.
  @Test func verificationFindsMissingDeliveries() throws {
    let forgetful = try ForgetfulReceiver()
    let result = try Self.run(
      [
        "--url", "http://127.0.0.1:\(forgetful.port)", "--api", "http://127.0.0.1:\(forgetful.port)",
        "--deliveries", "20", "--json", "--verify",
      ], environment: ["REPLICATE_WEBHOOK_SECRET": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])
    #expect(result.status == 1)
    let report = try #require(try Self.reports(result).first)
    let verification = try #require(report["verification"] as? [String: Int])
    #expect(verification["deliveries"] == 20 && verification["missing"] == 20)
    #expect(verification["wrong_states"] == 20 && report["faultless"] as? Bool == false)
  }

  @Test(arguments: [
    (["--deliveries", "0"], 64, "--deliveries"), (["--scenario", "none"], 64, "scenario"),
    (["--api", "http://127.0.0.1:1"], 64, "--url"), (["--other-url", "http://127.0.0.1:1"], 64, "--url"),
    (["--life", "0"], 64, "--life"), (["--duplicate-percent", "91"], 64, "--duplicate-percent"),
    (["--scenario", "start", "--url", "http://127.0.0.1:1"], 64, "--url"),
    (["--deliveries-per-job", "0"], 64, "--deliveries-per-job"), (["--repeats", "0"], 64, "--repeats"),
    (["--url", "http://127.0.0.1:1"], 78, "REPLICATE_WEBHOOK_SECRET"),
    (["--daemon", "/nowhere"], 78, "/nowhere"),
    (["--deliveries", "10", "--daemon", "/bin/false"], 69, "/bin/false"),
  ])
  func unusableOptionsAreExplained(_ arguments: [String], _ status: Int32, _ cause: String) throws {
    let result = try Self.run(arguments)
    #expect(result.status == status && result.error.contains(cause), "\(result.status): \(result.error)")
  }

  @Test func unreachableReceiverEndsTheRun() throws {
    let result = try Self.run(
      ["--url", "http://127.0.0.1:\(ForgetfulReceiver.unusedPort())", "--deliveries", "10"],
      environment: ["REPLICATE_WEBHOOK_SECRET": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])
    #expect(result.status == 69 && result.error.contains("is the receiver running?"), "\(result.error)")
  }
}

/// A receiver that acknowledges every delivery and has no jobs.
private final class ForgetfulReceiver: Sendable {
  let port: Int
  /// How many were accepted.
  let connections = Guarded(0)
  private let listener: Int32

  /// - Parameter answers: false for one that accepts connections and sends nothing.
  init(answers: Bool = true) throws {
    let (listener, port) = Self.bindAnywhere()
    (self.listener, self.port) = (listener, port)
    try #require(listen(listener, 256) == 0)
    guard answers else { return }
    Thread.detachNewThread { [connections] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        connections.withLock { $0 += 1 }
        Thread.detachNewThread { Self.serve(connection) }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  /// A port without a listener.
  static func unusedPort() -> Int {
    let (descriptor, port) = bindAnywhere()
    close(descriptor)
    return port
  }

  private static func bindAnywhere() -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, length)
        getsockname(descriptor, $0, &length)
      }
    }
    return (descriptor, Int(address.sin_port.bigEndian))
  }

  /// Serves requests one by one, each delimited by its Content-Length.
  private static func serve(_ connection: Int32) {
    defer { close(connection) }
    var (text, buffer) = ("", [UInt8](repeating: 0, count: 64 * 1024))
    while true {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      text += String(decoding: buffer.prefix(count), as: UTF8.self)
      guard let end = text.range(of: "\r\n\r\n") else { continue }
      let length =
        text.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
        .flatMap { Int($0.dropFirst("Content-Length: ".count)) } ?? 0
      guard text[end.upperBound...].utf8.count >= length else { continue }
      let status = text.hasPrefix("POST") ? "200 OK" : "404 Not Found"
      text = ""
      let answer = Array("HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n".utf8)
      guard send(connection, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count else { return }
    }
  }
}
