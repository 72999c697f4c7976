internal import Foundation
internal import LiveDaemon

/// Replicate cannot be reached: deliveries are acknowledged and orders accepted as ever. When it is back, each order becomes
/// one prediction and comes to its end.
enum OutageProof {
  /// The raw value is what the log says of it.
  private enum Outage: String, CaseIterable {
    /// Nobody listens where the API was.
    case refused = "Couldn't connect to server"
    /// Packets come to nothing.
    case swallowed = "Timeout was reached"
    /// The name of the API leads nowhere; the daemon is started again with one that does.
    case nameless = "Couldn't resolve host name"
  }

  private static let orders = 40
  /// How long an order may take to be answered, in milliseconds, on a machine that is busy.
  private static let patience = 5000.0

  static func run(_ course: Course) throws -> Row {
    var sum = Row("Replicate out of reach")
    for _ in 0..<(course.isLong ? 5 : 1) {
      for outage in Outage.allCases {
        let row = try endure(outage, course)
        sum.rounds += row.rounds
        sum.acknowledged += row.acknowledged
        sum.lost += row.lost
        sum.appliedTwice += row.appliedTwice
        sum.recoveries += row.recoveries
        sum.problems += row.problems.map { "\(outage): \($0)" }
      }
    }
    sum.note =
      "\(sum.rounds * orders) orders accepted meanwhile, each made once; recovered when all were made"
    return sum
  }

  private static func endure(_ outage: Outage, _ course: Course) throws -> Row {
    let trial = try Trial(course, "Replicate out of reach")
    let ports = try FreePorts.choose(2)
    prepare(trial, ports: ports)
    let swallower = outage == .swallowed ? try Swallower(port: ports[0]) : nil
    if outage == .nameless { try hideNames(from: trial) }
    let daemon = try trial.start()
    try trial.beginLoad()
    try trial.waitForAcknowledgements(Trial.some)
    let identifiers = try (0..<orders).map { try place("\(outage)-\($0)", at: daemon, trial) }
    try daemon.waitForLog(outage.rawValue)
    trial.wait(seconds: course.isLong ? 40 : 1)
    try trial.waitForAcknowledgements(Trial.some)
    try trial.endLoad()
    if trial.ledger.count(of: 503) > 0 { trial.complain("\(trial.ledger.count(of: 503)) answered 503") }
    try trial.examine()
    trial.say("\(outage): \(identifiers.count) orders wait")
    let start = ContinuousClock.now
    swallower?.release()
    let simulator = try LiveSimulator(on: ports[0], ["--duration", "100ms", "--create-rate", "60000"])
    if outage == .nameless {
      if daemon.stop() != 0 { trial.complain("it did not stop in order") }
      trial.environment["REPLICATE_API_URL"] = simulator.url
      try trial.start()
    }
    try trial.wait("all predictions") { try simulator.overview(limit: 0).created >= orders }
    trial.row.recoveries.append((ContinuousClock.now - start).milliseconds)
    try examine(identifiers, simulator, trial)
    trial.row.rounds = 1
    return trial.finished()
  }

  private static func prepare(_ trial: Trial, ports: [Int]) {
    trial.environment.merge([
      "REPLICATE_API_TOKEN": "r8_of_a_stand_in", "REPLICATE_API_URL": "http://127.0.0.1:\(ports[0])",
      "WEBHOOK_LISTEN": "127.0.0.1:\(ports[1])", "PUBLIC_URL": "http://127.0.0.1:\(ports[1])",
      "CREATES_PER_MINUTE": "60000",
      // Nobody asks for the predictions of the load, which the simulator does not know.
      "RECONCILE_AFTER": "1h",
    ]) { $1 }
  }

  /// A name that exists nowhere (RFC 6761 section 6.4), and no resolver that could be asked where mounts are allowed.
  private static func hideNames(from trial: Trial) throws {
    trial.environment["REPLICATE_API_URL"] = "https://replicate.invalid"
    guard Trial.canMount else { return }
    _ = try trial.folder.write("nameserver 127.0.0.1\n", to: "resolv.conf")
    trial.wrapper = [
      "/usr/bin/unshare", "--mount", "--map-root-user", "/bin/sh", "-c",
      #"[ ! -e /etc/resolv.conf ] || mount --bind resolv.conf /etc/resolv.conf; exec "$0" "$@""#,
    ]
  }

  /// - Returns: the job's id.
  private static func place(_ id: String, at daemon: Daemon, _ trial: Trial) throws -> String {
    let body = #"{"id":"\#(id)","model":"demo/text","input":{}}"#
    let start = ContinuousClock.now
    let connection = try HTTPConnection(host: "127.0.0.2", port: daemon.apiPort)
    try connection.send(
      """
      POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r
      Content-Length: \(body.utf8.count)\r\n\r\n\(body)
      """.utf8)
    let answer = try connection.receiveStatusAndBody()
    let milliseconds = (ContinuousClock.now - start).milliseconds
    if answer.status != 202 { trial.complain("an order was answered \(answer.status)") }
    if milliseconds > patience { trial.complain("an order was answered after \(Int(milliseconds)) ms") }
    return id
  }

  /// Each order has one prediction, and ends as that did.
  private static func examine(
    _ identifiers: [String], _ simulator: LiveSimulator, _ trial: Trial
  ) throws {
    let daemon = try trial.requireDaemon()
    for id in identifiers {
      var state = ""
      do {
        try trial.wait("the end of \(id)") {
          state = try daemon.job(id)["state"] as? String ?? ""
          return Word.ends.contains { $0.state == state }
        }
      } catch {
        trial.row.lost += 1
      }
      if state != "succeeded" { trial.complain("\(id) is \(state)") }
    }
    let predictions = try simulator.overview().predictions
    var counts: [String: Int] = [:]
    for prediction in predictions { counts[prediction.job ?? "", default: 0] += prediction.createCount }
    trial.row.appliedTwice += counts.values.reduce(0) { $0 + max(0, $1 - 1) }
    if Set(counts.keys) != Set(identifiers) { trial.complain("other predictions were made than ordered") }
  }
}

/// A port of this machine that nobody answers at: whoever listens there takes no more connections, so that the kernel drops
/// what asks for one (listen(2), `backlog`).
private final class Swallower {
  private var descriptors: [Int32] = []

  init(port: Int) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    // One listens, and as many connect as find room.
    for number in 0..<4 {
      let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
      let descriptor = socket(AF_INET, type, 0)
      guard descriptor >= 0 else { throw Unusable("no socket") }
      descriptors.append(descriptor)
      let result = withUnsafeBytes(of: address) { bytes in
        bytes.withMemoryRebound(to: sockaddr.self) {
          number == 0
            ? bind(descriptor, $0.baseAddress, socklen_t(bytes.count))
            : connect(descriptor, $0.baseAddress, socklen_t(bytes.count))
        }
      }
      if number == 0, result != 0 || listen(descriptor, 0) != 0 { throw Unusable("\(port) is taken") }
    }
  }

  deinit { release() }

  func release() {
    for descriptor in descriptors { close(descriptor) }
    descriptors.removeAll()
  }
}
