internal import Foundation
internal import LiveDaemon

/// An outage of Replicate's API.
///
/// Deliveries are acknowledged and orders accepted as ever.
///
/// When it is back, each order becomes one prediction and comes to its end.
enum OutageProof {
  /// The raw value is the text that the log contains.
  private enum Outage: String, CaseIterable {
    /// No process listens on the API's port.
    case refused = "Couldn't connect to server"
    /// Packets are dropped.
    case swallowed = "Timeout was reached"
    /// The API's name does not resolve. The daemon is started again with one that does.
    case nameless = "Couldn't resolve host name"
  }

  private static let orders = 40
  /// How long a busy machine may take to answer an order.
  private static let maxMilliseconds = 5000.0

  static func run(_ scenario: Scenario) throws -> Row {
    var sum = Row("Replicate out of reach")
    for _ in 0..<(scenario.isLong ? 5 : 1) {
      for outage in Outage.allCases {
        let row = try endure(outage, scenario)
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

  private static func endure(_ outage: Outage, _ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "Replicate out of reach")
    let ports = try FreePorts.choose(2)
    prepare(run, ports: ports)
    let swallower = outage == .swallowed ? try Swallower(port: ports[0]) : nil
    if outage == .nameless { try hideNames(from: run) }
    let daemon = try run.start()
    try run.beginLoad()
    try run.waitForAcknowledgements(Run.some)
    let identifiers = try (0..<orders).map { try submit("\(outage)-\($0)", at: daemon, run) }
    try daemon.waitForLog(outage.rawValue)
    run.wait(seconds: scenario.isLong ? 40 : 1)
    try run.waitForAcknowledgements(Run.some)
    try run.endLoad()
    if run.ledger.count(of: 503) > 0 { run.recordProblem("\(run.ledger.count(of: 503)) answered 503") }
    try run.examine()
    run.reportProgress("\(outage): \(identifiers.count) orders wait")
    let start = ContinuousClock.now
    swallower?.release()
    let simulator = try LiveSimulator(on: ports[0], ["--duration", "100ms", "--create-rate", "60000"])
    if outage == .nameless {
      if daemon.stop() != 0 { run.recordProblem("it did not stop in order") }
      run.environment["REPLICATE_API_URL"] = simulator.url
      try run.start()
    }
    try run.wait("all predictions") { try simulator.overview(limit: 0).created >= orders }
    run.row.recoveries.append((ContinuousClock.now - start).milliseconds)
    try examine(identifiers, simulator, run)
    run.row.rounds = 1
    return run.finished()
  }

  private static func prepare(_ run: Run, ports: [Int]) {
    run.environment.merge([
      "REPLICATE_API_TOKEN": "r8_of_a_stand_in", "REPLICATE_API_URL": "http://127.0.0.1:\(ports[0])",
      "WEBHOOK_LISTEN": "127.0.0.1:\(ports[1])", "PUBLIC_URL": "http://127.0.0.1:\(ports[1])",
      "CREATES_PER_MINUTE": "60000",
      // The predictions of the load are not polled: the simulator does not know them.
      "RECONCILE_AFTER": "1h",
    ]) { $1 }
  }

  /// Sets a name that exists nowhere (RFC 6761 section 6.4).
  ///
  /// Where mounts are allowed, there is no resolver to query either.
  private static func hideNames(from run: Run) throws {
    run.environment["REPLICATE_API_URL"] = "https://replicate.invalid"
    guard Sandbox.canMount else { return }
    _ = try run.folder.write("nameserver 127.0.0.1\n", to: "resolv.conf")
    run.wrapper = [
      "/usr/bin/unshare", "--mount", "--map-root-user", "/bin/sh", "-c",
      #"[ ! -e /etc/resolv.conf ] || mount --bind resolv.conf /etc/resolv.conf; exec "$0" "$@""#,
    ]
  }

  /// - Returns: the job's id.
  private static func submit(_ id: String, at daemon: Daemon, _ run: Run) throws -> String {
    let body = #"{"id":"\#(id)","model":"demo/text","input":{}}"#
    let start = ContinuousClock.now
    let answer = try daemon.post(body)
    let milliseconds = (ContinuousClock.now - start).milliseconds
    if answer.status != 202 { run.recordProblem("an order was answered \(answer.status)") }
    if milliseconds > maxMilliseconds {
      run.recordProblem("an order was answered after \(Int(milliseconds)) ms")
    }
    return id
  }

  /// Checks that each order has one prediction, and ended as that did.
  private static func examine(
    _ identifiers: [String], _ simulator: LiveSimulator, _ run: Run
  ) throws {
    let daemon = try run.requireDaemon()
    for id in identifiers {
      var state = ""
      do {
        try run.wait("the end of \(id)") {
          state = try daemon.job(id)["state"] as? String ?? ""
          return Report.ends.contains { $0.state == state }
        }
      } catch {
        run.row.lost += 1
      }
      if state != "succeeded" { run.recordProblem("\(id) is \(state)") }
    }
    let predictions = try simulator.overview().predictions
    var counts: [String: Int] = [:]
    for prediction in predictions { counts[prediction.job ?? "", default: 0] += prediction.createCount }
    run.row.appliedTwice += counts.values.reduce(0) { $0 + max(0, $1 - 1) }
    if Set(counts.keys) != Set(identifiers) { run.recordProblem("other predictions were made than ordered") }
  }
}

/// A local port whose listen backlog is full.
///
/// The kernel drops SYNs to it (listen(2)).
private final class Swallower {
  private var descriptors: [Int32] = []

  init(port: Int) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    // The first listens; the others connect until the backlog is full.
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
