internal import Foundation
internal import LiveDaemon

/// One database, the daemons that serve it one after the other, and what they are held to.
final class Trial {
  /// Beside what ``Daemon`` sets. A load is no flood of log lines.
  var environment = ["LOG_LEVEL": "notice"]
  var wrapper: [String] = []
  var descriptorLimit: Int?
  var readsLog = true
  /// False where its standard error is closed.
  var hasLog = true
  /// Seconds that the daemons' clock is ahead.
  var clockOffset = 0

  let course: Course
  let folder: TemporaryFolder
  let ledger: Ledger
  var row: Row
  private(set) var daemon: Daemon?
  private(set) var load: Load?
  private var endOfFault = ContinuousClock.now

  /// How long anything may take that should happen soon.
  private static let patience = Duration.seconds(90)

  init(_ course: Course, _ fault: String) throws {
    self.course = course
    folder = try TemporaryFolder()
    ledger = Ledger(seed: course.seed)
    row = Row(fault)
  }

  deinit {
    // First, so that nobody waits for a daemon that is stopped.
    daemon?.killAtOnce()
    try? load?.stop()
  }

  var database: String { folder.url.appendingPathComponent("replicate-webhookd.db").path }

  func say(_ text: String) { course.progress("\(row.fault): \(text)") }

  /// - Returns: the daemon that now runs.
  @discardableResult
  func start() throws -> Daemon {
    let daemon = try Daemon(
      in: folder, environment: environment, descriptorLimit: descriptorLimit, wrapper: wrapper,
      hasLog: hasLog, executable: course.executable, readsLog: readsLog)
    self.daemon = daemon
    return daemon
  }

  func requireDaemon() throws -> Daemon {
    guard let daemon else { throw Unusable("no daemon runs") }
    return daemon
  }

  /// Whether it has ended without being told to.
  var hasDied: Bool { daemon.map { !$0.process.isRunning } ?? true }

  // MARK: - Load

  /// What got no answer before is sent again first.
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
    let start = ContinuousClock.now
    while try !condition() {
      guard ContinuousClock.now - start < Self.patience else { throw Unusable("waited in vain for \(what)") }
      poll(nil, 0, 2)
    }
  }

  func wait(seconds: Double) { poll(nil, 0, Int32(seconds * 1000)) }

  /// Call it in the moment in which a fault ends.
  func noteEndOfFault() {
    endOfFault = .now
    ledger.awaitAcknowledgement()
  }

  /// Notes how long after the end of the fault something was acknowledged.
  func noteRecovery() throws {
    try wait("an acknowledgement") { self.ledger.firstAcknowledgement != nil }
    guard let first = ledger.firstAcknowledgement else { return }
    row.recoveries.append((first - endOfFault).milliseconds)
  }

  // MARK: - One fault under load

  /// Load, `fault`, which notes its end before it returns, the way back to the first 2xx, and some load more.
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

  /// Deliveries that are enough to have begun.
  static let some = 300

  func complain(_ problem: String) { row.problems.append(problem) }
}
