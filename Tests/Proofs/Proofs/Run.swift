internal import Foundation
internal import LiveDaemon

/// One database, the successive daemons that serve it, and their ledger.
final class Run {
  /// Settings beside those that ``Daemon`` sets. A load must not flood the log.
  var environment = ["LOG_LEVEL": "notice"]
  var wrapper: [String] = []
  var descriptorLimit: Int?
  var readsLog = true
  /// False if its standard error is closed.
  var hasLog = true
  /// How many seconds the daemons' clock is ahead.
  var clockOffset = 0

  let scenario: Scenario
  let folder: TemporaryFolder
  let ledger: Ledger
  var row: Row
  private(set) var daemon: Daemon?
  private(set) var load: Load?
  private var endOfFault = ContinuousClock.now

  /// How long a wait may take.
  private static let maxSeconds = 90

  init(_ scenario: Scenario, _ fault: String) throws {
    self.scenario = scenario
    folder = try TemporaryFolder()
    ledger = Ledger(seed: scenario.seed)
    row = Row(fault)
  }

  deinit {
    // First, so that no thread waits for a stopped daemon.
    daemon?.killAtOnce()
    try? load?.stop()
  }

  var database: String { folder.url.appendingPathComponent("replicate-webhookd.db").path }

  func reportProgress(_ text: String) { scenario.progress("\(row.fault): \(text)") }

  /// - Returns: the daemon that runs now.
  @discardableResult
  func start() throws -> Daemon {
    let daemon = try Daemon(
      in: folder, environment: environment, descriptorLimit: descriptorLimit, wrapper: wrapper,
      hasLog: hasLog, executable: scenario.executable, readsLog: readsLog)
    self.daemon = daemon
    return daemon
  }

  func requireDaemon() throws -> Daemon {
    guard let daemon else { throw Unusable("no daemon runs") }
    return daemon
  }

  /// Whether it has ended by itself.
  var hasDied: Bool { daemon.map { !$0.process.isRunning } ?? true }

  // MARK: - Load

  /// Starts the load; unanswered events are sent again first.
  func beginLoad(readers: Int = Load.readers) throws {
    ledger.retryUnanswered()
    load = Load(on: try requireDaemon(), ledger: ledger, readers: readers, clockOffset: clockOffset)
  }

  func endLoad() throws {
    try load?.stop()
    load = nil
  }

  func waitForAcknowledgements(_ more: Int) throws {
    let goal = ledger.acknowledged + more
    try wait("\(more) acknowledgements") { self.ledger.acknowledged >= goal }
  }

  func wait(_ what: String, until condition: () throws -> Bool) throws {
    try LiveDaemon.wait(what, seconds: Self.maxSeconds, until: condition)
  }

  func wait(seconds: Double) { poll(nil, 0, Int32(seconds * 1000)) }

  /// Records the moment in which a fault ends.
  func noteEndOfFault() {
    endOfFault = .now
    ledger.awaitAcknowledgement()
  }

  /// Records the time from the end of the fault to an acknowledgement.
  func noteRecovery() throws {
    try wait("an acknowledgement") { self.ledger.firstAcknowledgement != nil }
    guard let first = ledger.firstAcknowledgement else { return }
    row.recoveries.append((first - endOfFault).milliseconds)
  }

  // MARK: - One fault under load

  /// Runs `fault` under load, measures the recovery, and loads some more.
  ///
  /// - Parameter fault: calls ``noteEndOfFault()`` before it returns.
  func endure(_ fault: (Daemon) throws -> Void) throws {
    let daemon = try requireDaemon()
    try beginLoad()
    try waitForAcknowledgements(Self.some)
    try fault(daemon)
    try noteRecovery()
    try waitForAcknowledgements(Self.some)
    try endLoad()
    row.rounds += 1
  }

  /// How many acknowledgements show that the load is running.
  static let some = 300

  func recordProblem(_ problem: String) { row.problems.append(problem) }
}
