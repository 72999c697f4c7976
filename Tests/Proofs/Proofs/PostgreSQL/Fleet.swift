internal import Foundation
internal import LiveDaemon
internal import PostgreSQLServer

/// Three receivers on one database, their load, and what is known of it.
final class Fleet {
  /// A receiver on ports that it keeps.
  private struct Receiver {
    let webhookPort: Int
    let apiPort: Int
    let folder: TemporaryFolder
    var daemon: Daemon?
  }

  private static let count = 3
  private static let maxSeconds = 90
  /// How many acknowledgements show that the load is running.
  private static let some = 300

  let scenario: Scenario
  let servers: ServerPair
  let ledger: Ledger
  let simulator: LiveSimulator
  private let orders: OrderLoad
  private var receivers: [Receiver] = []
  /// What the first receiver connects through, by the server's port.
  private(set) var relays: [Int: TCPRelay] = [:]
  private var load: Load?
  private var endOfFault = ContinuousClock.now

  init(_ scenario: Scenario, isSynchronous: Bool = true) throws {
    self.scenario = scenario
    servers = try ServerPair(isSynchronous: isSynchronous)
    ledger = Ledger(seed: scenario.seed)
    let ports = try FreePorts.choose(1 + 2 * Self.count)
    simulator = try LiveSimulator(
      on: ports[0], ["--duration", "100ms", "--create-rate", "60000", "--retry-window", "5m"])
    orders = OrderLoad(apiPorts: (0..<Self.count).map { ports[2 + 2 * $0] })
    for number in 0..<Self.count {
      receivers.append(
        Receiver(
          webhookPort: ports[1 + 2 * number], apiPort: ports[2 + 2 * number], folder: try TemporaryFolder()))
    }
    for port in servers.ports { relays[port] = try TCPRelay(before: port) }
    for number in 0..<Self.count { try start(number) }
  }

  deinit {
    // First, so that no thread waits for a receiver.
    for receiver in receivers { receiver.daemon?.killAtOnce() }
    orders.stop()
    try? load?.stop()
  }

  // MARK: - Receivers

  /// Starts a receiver, which connects through `port` of each server's port.
  func start(_ number: Int, through port: ((Int) -> Int)? = nil) throws {
    let receiver = receivers[number]
    let relayed = { [relays] (port: Int) in relays[port]?.port ?? port }
    let port = port ?? (number == 0 ? relayed : { $0 })
    receivers[number].daemon = try Daemon(
      in: receiver.folder,
      environment: [
        "DATABASE_URL": servers.url(through: port), "LOG_LEVEL": "notice",
        "WEBHOOK_LISTEN": "127.0.0.1:\(receiver.webhookPort)", "API_LISTEN": "127.0.0.2:\(receiver.apiPort)",
        "PUBLIC_URL": "http://127.0.0.1:\(receiver.webhookPort)", "REPLICATE_API_TOKEN": "r8_of_a_stand_in",
        "REPLICATE_API_URL": simulator.url, "CREATES_PER_MINUTE": "60000",
        // The predictions of the load are not polled: the simulator does not know them.
        "RECONCILE_AFTER": "1h",
      ], executable: scenario.executable)
  }

  func killReceiver(_ number: Int) { receivers[number].daemon?.killAtOnce() }

  func stopReceiver(_ number: Int) throws {
    guard receivers[number].daemon?.stop() == 0 else {
      throw Unusable("receiver \(number) did not stop in order")
    }
  }

  /// The log of a receiver that has ended by itself. Nil if there is none.
  var logOfDeadReceiver: String? {
    receivers.lazy.compactMap(\.daemon).first { !$0.process.isRunning }?.logAfterStop()
  }

  // MARK: - Load

  func beginLoad(readers: Int = Load.readers) {
    ledger.retryUnanswered()
    let targets = receivers.map { Load.Target(webhookPort: $0.webhookPort, apiPort: $0.apiPort) }
    load = Load(on: targets, ledger: ledger, readers: readers)
    orders.resume()
  }

  func endLoad() throws {
    orders.pause()
    try load?.stop()
    load = nil
  }

  func wait(_ what: String, until condition: () throws -> Bool) throws {
    try LiveDaemon.wait(what, seconds: Self.maxSeconds, until: condition)
  }

  func wait(seconds: Double) { poll(nil, 0, Int32(seconds * 1000)) }

  func waitForAcknowledgements(_ more: Int = Fleet.some) throws {
    let goal = ledger.acknowledged + more
    try wait("\(more) acknowledgements") { ledger.acknowledged >= goal }
  }

  /// Records the moment from which a fault no longer stops acknowledgements.
  func noteEndOfFault() {
    endOfFault = .now
    ledger.awaitAcknowledgement()
  }

  /// The milliseconds from the end of the fault to an acknowledgement.
  func recovery() throws -> Double {
    try wait("an acknowledgement") { ledger.firstAcknowledgement != nil }
    return ((ledger.firstAcknowledgement ?? .now) - endOfFault).milliseconds
  }

  // MARK: - Checks

  /// Checks every job from `first` on through one of the receivers.
  func examine(from first: Int = 0, into row: inout Row) throws {
    let port = receivers[first % Self.count].apiPort
    let violations = try Checker(ledger, jobs: first..<ledger.jobCount, apiPort: port).result()
    row.lost += violations.lost
    row.appliedTwice += violations.appliedTwice
    row.problems += violations.problems
  }

  /// Waits for the end of every accepted order, and checks that each is as the simulator has it.
  func examineOrders(into row: inout Row) throws {
    let accepted = orders.accepted
    var states: [String: String] = [:]
    // A claim of a killed receiver ends after a minute, and its search takes another one.
    try LiveDaemon.wait("the ends of \(accepted.count) orders", seconds: 240) {
      for id in accepted where !Report.ends.contains(where: { $0.state == states[id] }) {
        states[id] = try receivers[0].daemon?.job(id)["state"] as? String
      }
      return accepted.allSatisfy { id in Report.ends.contains { $0.state == states[id] } }
    }
    var made: [String: [LiveSimulator.Prediction]] = [:]
    for prediction in try simulator.overview().predictions {
      made[prediction.job ?? "", default: []].append(prediction)
    }
    for (id, predictions) in made {
      let count = predictions.reduce(0) { $0 + $1.createCount }
      if predictions.count > 1 || count > 1 { row.appliedTwice += 1 }
      guard accepted.contains(id) else { continue }
      if states[id] != predictions.last?.status {
        row.problems.append(
          "\(id) is \(states[id] ?? ""), and its prediction \(predictions.last?.status ?? "")")
      }
    }
    row.lost += accepted.count { made[$0] == nil }
  }

  var acceptedOrders: Int { orders.accepted.count }
}
