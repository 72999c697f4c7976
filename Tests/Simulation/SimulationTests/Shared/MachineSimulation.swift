import Daemon
import EventLoop
import FaultyDisk
import HTTPServer
import Simulation
import StandardWebhooks
@testable import Time

/// A machine with a daemon, its clients and its faults, driven by a seed.
///
/// The daemon goes through crashes, power cuts and restarts. One thread uses it.
class MachineSimulation {
  let kernel: SimulatedKernel
  let disk: MemoryDisk
  let faults: MachineFaults
  let signing: Signing
  var random: SeededGenerator
  var counts = Counts()
  /// Open connections.
  var connections: [ClientConnection] = []
  var exchanges: [Exchange] = []
  var subscriptions: [Subscription] = []
  /// Connections without a request in flight, which may carry another.
  var idleConnections: [ClientConnection] = []
  private(set) var problem: String?

  private(set) var incarnation: Incarnation?
  /// The number of the incarnation.
  private(set) var generation = 0
  private(set) var isDraining = false
  private(set) var isWriting = false
  /// Whether no daemon is started any more.
  private(set) var isEnding = false
  private var turns = 0
  private var diskCrashes: [Int]
  /// A crash at a commit; nil for none.
  var commitCrash: CommitCrash?

  /// The bound on steps, beyond which a simulation counts as endless.
  var maxSteps: Int { 20_000 }

  /// - Parameters:
  ///   - disk: the disk, which is formatted.
  ///   - database: the file of an empty database.
  init(
    kernel: SimulatedKernel, faults: MachineFaults, disk: MemoryDisk, database: [UInt8], signing: Signing,
    random: SeededGenerator
  ) {
    self.random = random
    self.faults = faults
    self.kernel = kernel
    self.disk = disk
    disk.format(holding: faults.beginsWithNothing ? nil : database)
    self.signing = signing
    diskCrashes = faults.diskCrashes
  }

  /// A crash right before or right after a commit, counted from 1 in all lives of the daemon.
  struct CommitCrash {
    let number: Int
    let isAfter: Bool
  }

  func fail(_ reason: String) {
    if problem == nil { problem = reason }
  }

  /// Runs the simulation to its verdict.
  func run() {}

  /// Starts a daemon on this machine.
  func incarnate() throws -> Incarnation {
    try Incarnation(kernel: kernel, settings: try settings())
  }

  final func settings() throws -> DaemonSettings {
    var settings = try Incarnation.settings.get()
    settings.database.location = .sqlite(path: disk.path)
    settings.listeners.limits = faults.limits
    adjust(&settings)
    return settings
  }

  /// Adjusts the daemon's settings to this simulation.
  func adjust(_ settings: inout DaemonSettings) {}

  /// Called when the daemon has ended, and before it starts again.
  func noteEndOfLife() {}

  /// Called after each step.
  func pollStreamReaders() {}
}

/// The faults of a machine and of its clients that a seed decides before the simulation begins.
struct MachineFaults {
  /// Senders split their requests into pieces.
  var splitsRequests = false
  /// One of so many exchanges has a ``ClientFault``; 0: none.
  var clientFaultsOnceIn = 0
  /// Turns of the loop with a crash or a power cut.
  var crashes: [Int] = []
  /// Disk writes, counted from each start, with a crash or power cut.
  var diskCrashes: [Int] = []
  /// Times in milliseconds of clean restarts.
  var stops: [Int] = []
  /// Times in milliseconds at which the disk begins to fail.
  var diskFailures: [Int] = []
  var checkpoints: [Int] = []
  /// The maximum duration of a commit; 0: no time.
  var maxCommitMilliseconds = 0
  var kernel = SimulatedKernel.Faults.none
  var limits = ServerLimits()
  /// The database does not exist yet.
  var beginsWithNothing = false

  /// A few of the moments up to `limit`, or none.
  static func some(_ maxCount: Int, upTo limit: Int, _ random: inout SeededGenerator) -> [Int] {
    guard Bool.random(using: &random) else { return [] }
    let count = Int.random(in: 1...maxCount, using: &random)
    return (0..<count).map { _ in Int.random(in: 1...limit, using: &random) }
  }
}

// MARK: - Time

extension MachineSimulation {
  func scheduleMachineFaults() {
    for time in faults.stops { kernel.after(.milliseconds(time)) { self.stop() } }
    for time in faults.diskFailures { kernel.after(.milliseconds(time)) { self.failDisk() } }
    for time in faults.checkpoints {
      kernel.after(.milliseconds(time)) { self.incarnation?.checkpoint() }
    }
  }

  /// Whether the daemon serves and no commit is in progress.
  var isServing: Bool { incarnation != nil && !isDraining && !isWriting }

  /// Crashes the machine, or stops it in order, for the last time.
  func end() {
    isEnding = true
    if Bool.random(using: &random) { crash() } else { stopInOrder() }
    // The kernel's plans retain this simulation.
    kernel.cancelScheduledEvents()
  }

  func step(until condition: () -> Bool, orElse reason: @autoclosure () -> String) {
    var steps = 0
    while problem == nil && !condition() {
      steps += 1
      guard steps < maxSteps else { return fail(reason()) }
      step()
    }
  }

  /// Runs everything that is ready, then advances to the next event.
  private func step() {
    repeat { turn(waits: false) } while incarnation?.loop.isBusy == true || kernel.hasReports
    pollClients()
    turn(waits: true)
  }

  private func turn(waits: Bool) {
    guard incarnation != nil else {
      var events: [ReadyEvent] = []
      // Clients poll their connections meanwhile.
      let now = kernel.monotonicTime
      if waits { kernel.wait(from: now, until: now + .milliseconds(500), into: &events) }
      return
    }
    turns += 1
    // Not bound to a local name, because a torn down incarnation must be freed.
    incarnation?.loop.turn(waits: waits)
    if faults.crashes.contains(turns) || disk.hasStopped { return crash() }
    write()
    if disk.hasStopped { return crash() }
    guard incarnation?.hasEnded == true else { return }
    guard isDraining else { return fail("the server has ended by itself") }
    if !isWriting { endInOrder() }
  }

  private func pollClients() {
    for exchange in exchanges { exchange.poll() }
    exchanges.removeAll(where: \.isOver)
    for subscription in subscriptions {
      subscription.poll()
      if let reason = subscription.problem { fail(reason) }
      if let count = subscription.numberCount { counts[.streamedNumber] += count }
    }
    subscriptions.removeAll { $0.numberCount != nil || $0.connection.isOver }
    pollStreamReaders()
    var areAllOpen = true
    for connection in connections {
      connection.poll(at: kernel.monotonicTime)
      if let reason = connection.problem { fail(reason) }
      if connection.isOver { areAllOpen = false }
    }
    if !areAllOpen { connections.removeAll(where: \.isOver) }
  }
}

// MARK: - Lives

extension MachineSimulation {
  func start() {
    guard incarnation == nil, problem == nil else { return }
    generation += 1
    (isDraining, isWriting) = (false, false)
    if let count = diskCrashes.popLast() { disk.stop(after: count) }
    do {
      incarnation = try incarnate()
      SimulationLog.write(kernel.trueTimeMilliseconds, "start")
    } catch {
      SimulationLog.write(kernel.trueTimeMilliseconds, "failed start: \(error)")
      counts[.failedStart] += 1
      // Restarts, as the service manager would.
      if requireAllClosed() { leaveDisk(losingPower: disk.hasStopped && Bool.random(using: &random)) }
      startAgain()
    }
  }

  private func startAgain() {
    guard !isEnding else { return }
    kernel.after(.milliseconds(Int.random(in: 1...8000, using: &random))) { self.start() }
  }

  /// Ends the process where it is, or cuts the power.
  private func crash() {
    counts[.crash] += 1
    SimulationLog.write(kernel.trueTimeMilliseconds, "crash")
    if disk.hasStopped { counts[.diskCrash] += 1 }
    disk.stop(after: 0)
    kernel.killProcess()
    if incarnation?.discard() == false { return fail("an aborted server does not end") }
    tearDown(losingPower: Bool.random(using: &random))
  }

  /// Drains and then aborts, as after SIGTERM.
  private func stop() {
    guard let incarnation, !isDraining else { return }
    isDraining = true
    incarnation.drain()
    let stopped = generation
    kernel.after(.seconds(10)) { [self] in
      if generation == stopped { self.incarnation?.abort() }
    }
  }

  private func stopInOrder() {
    let stopped = generation
    stop()
    step(
      until: { self.incarnation == nil || self.generation != stopped }, orElse: "the daemon does not stop")
  }

  private func endInOrder() {
    counts[.cleanShutdown] += 1
    incarnation?.finish()
    tearDown(losingPower: random.happens(onceIn: 4))
  }

  private func tearDown(losingPower: Bool) {
    incarnation = nil
    kernel.reapProcess()
    if kernel.openDescriptors != 0 { fail("\(kernel.openDescriptors) descriptors are open after the end") }
    guard requireAllClosed() else { return }
    leaveDisk(losingPower: losingPower)
    if !isEnding { noteEndOfLife() }
    startAgain()
  }

  private func requireAllClosed() -> Bool {
    if disk.openFiles != 0 { fail("\(disk.openFiles) files of the store are open after the end") }
    return disk.openFiles == 0
  }

  private func leaveDisk(losingPower: Bool) {
    if losingPower { counts[.powerCut] += 1 }
    let kept = [0, 2, 5, 8, 10].randomElement(using: &random) ?? 5
    disk.start(after: losingPower ? .power(seed: random.next(), kept: kept) : .nothing)
  }
}

// MARK: - The disk

extension MachineSimulation {
  /// Commits the submissions at once or after a while. More are coalesced meanwhile.
  private func write() {
    guard incarnation?.gather() == true, !isWriting else { return }
    let longest = faults.maxCommitMilliseconds
    let delay = longest == 0 ? 0 : Int.random(in: 0...longest, using: &random)
    guard delay > 0 else { return commit() }
    isWriting = true
    let writing = generation
    kernel.after(.milliseconds(delay)) { [self] in
      guard generation == writing else { return }
      isWriting = false
      commit()
    }
  }

  private func commit() {
    counts[.commit] += 1
    let crash = commitCrash?.number == counts[.commit] ? commitCrash : nil
    if crash?.isAfter == false { return self.crash() }
    incarnation?.commit()
    if crash != nil { self.crash() }
  }

  private func failDisk() {
    guard let fault = DiskFaults.all.randomElement(using: &random) else { return }
    disk.arm(fault)
    kernel.after(.milliseconds(Int.random(in: 1...9000, using: &random))) { self.disk.heal() }
  }
}
