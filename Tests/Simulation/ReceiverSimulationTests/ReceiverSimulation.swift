import EventLoop
import FaultyDisk
import HTTPServer
import Jobs
import Simulation
import StandardWebhooks
@testable import Time

/// A daemon with its network and its disk, driven by a seed.
///
/// It goes from the first start to the last end, through crashes, power cuts and restarts. One thread uses
/// it.
final class ReceiverSimulation {
  let kernel: SimulatedKernel
  let disk: MemoryDisk
  let plan: Plan
  let signing: Signing
  var random: SeededGenerator
  var ledger = Ledger()
  var counts = Counts()
  /// Open connections.
  var connections: [ClientConnection] = []
  var exchanges: [Exchange] = []
  var subscriptions: [Subscription] = []
  /// Connections without a request in flight, which may carry another.
  var idleConnections: [ClientConnection] = []
  private(set) var problem: String?

  private var incarnation: Incarnation?
  private let earlyAck: MemoryDisk?
  /// The number of the incarnation.
  private(set) var generation = 0
  private var isDraining = false
  private var isWriting = false
  /// Whether no daemon is started any more.
  private var isEnding = false
  private var turns = 0
  private var diskCrashes: [Int]
  private let subscriberCount: Int

  /// A deliberate flaw, which shows that the checks can fail.
  enum Flaw {
    case acknowledgesBeforeCommit
    /// The disk ignores syncs.
    case losesSyncs
  }

  /// - Parameters:
  ///   - disk: the disk, which is formatted.
  ///   - database: the file of an empty database.
  init(seed: UInt64, disk: MemoryDisk, database: [UInt8], signing: Signing, flaw: Flaw? = nil) throws {
    random = SeededGenerator(seed: seed)
    plan = Plan(&random)
    kernel = SimulatedKernel(seed: random.next(), faults: plan.kernelFaults)
    self.disk = disk
    disk.format(holding: plan.beginsWithNothing ? nil : database)
    if flaw == .losesSyncs { disk.ignoreSyncs() }
    earlyAck = flaw == .acknowledgesBeforeCommit ? try MemoryDisk() : nil
    self.signing = signing
    diskCrashes = plan.diskCrashes
    // From a generator of its own: the other seeds run as they did before there were streams.
    var streamRandom = SeededGenerator(seed: seed ^ 0x57EA)
    subscriberCount = seed % 3 == 1 ? Int.random(in: 1...5, using: &streamRandom) : 0
  }

  func fail(_ reason: String) {
    if problem == nil { problem = reason }
  }
}

// MARK: - Time

extension ReceiverSimulation {
  /// The bound on steps, beyond which a simulation counts as endless.
  private static let maxSteps = 20_000

  func run() {
    schedule()
    start()
    step(until: { self.isQuiet }, orElse: "nothing comes to an end")
    waitForDeadlines()
    deliverOnceMore()
    isEnding = true
    if Bool.random(using: &random) { crash() } else { stopInOrder() }
    // The kernel's plans retain this simulation.
    kernel.cancelScheduledEvents()
    if problem == nil, let reason = Verdict.problem(with: disk, after: ledger, sha256: signing.sha256) {
      fail(reason)
    }
  }

  private func schedule() {
    scheduleProvider()
    scheduleHostileClients()
    scheduleObservers()
    scheduleSubscribers(subscriberCount)
    for time in plan.stops { kernel.after(.milliseconds(time)) { self.stop() } }
    for time in plan.diskFaults { kernel.after(.milliseconds(time)) { self.failDisk() } }
    for time in plan.checkpoints {
      kernel.after(.milliseconds(time)) { self.incarnation?.checkpoint() }
    }
  }

  /// Waits until every connection is closed by its deadline.
  private func waitForDeadlines() {
    step(until: { self.isQuiet && self.kernel.openDescriptors == 1 }, orElse: "a connection stays open")
    if !connections.allSatisfy(\.peer.isOver) { fail("a connection is closed and its client not informed") }
  }

  /// Whether no event is pending, and the daemon serves.
  private var isQuiet: Bool {
    kernel.isQuiet && exchanges.isEmpty && incarnation != nil && !isDraining && !isWriting
  }

  func step(until condition: () -> Bool, orElse reason: String) {
    var steps = 0
    while problem == nil && !condition() {
      steps += 1
      guard steps < Self.maxSteps else { return fail(reason) }
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
    if plan.crashes.contains(turns) || disk.hasStopped { return crash() }
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
      if let count = subscription.numberCount { counts.streamedNumbers += count }
    }
    subscriptions.removeAll { $0.numberCount != nil || $0.connection.isOver }
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

extension ReceiverSimulation {
  private func start() {
    guard incarnation == nil, problem == nil else { return }
    generation += 1
    (isDraining, isWriting) = (false, false)
    if let count = diskCrashes.popLast() { disk.stop(after: count) }
    do {
      incarnation = try Incarnation(
        kernel: kernel, path: disk.path, limits: plan.limits, secret: signing.secret, earlyAck: earlyAck)
    } catch {
      counts.failedStarts += 1
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
    counts.crashes += 1
    if disk.hasStopped { counts.diskCrashes += 1 }
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
    counts.cleanShutdowns += 1
    incarnation?.finish()
    tearDown(losingPower: random.happens(onceIn: 4))
  }

  private func tearDown(losingPower: Bool) {
    incarnation = nil
    kernel.reapProcess()
    if kernel.openDescriptors != 0 { fail("\(kernel.openDescriptors) descriptors are open after the end") }
    guard requireAllClosed() else { return }
    leaveDisk(losingPower: losingPower)
    startAgain()
  }

  private func requireAllClosed() -> Bool {
    if disk.openFiles != 0 { fail("\(disk.openFiles) files of the store are open after the end") }
    return disk.openFiles == 0
  }

  private func leaveDisk(losingPower: Bool) {
    if losingPower { counts.powerCuts += 1 }
    let kept = [0, 2, 5, 8, 10].randomElement(using: &random) ?? 5
    disk.start(after: losingPower ? .power(seed: random.next(), kept: kept) : .nothing)
  }
}

// MARK: - The disk

extension ReceiverSimulation {
  /// Commits the submissions at once or after a while. More are coalesced meanwhile.
  private func write() {
    guard let incarnation, incarnation.gather(), !isWriting else { return }
    let delay =
      plan.maxCommitMilliseconds == 0 ? 0 : Int.random(in: 0...plan.maxCommitMilliseconds, using: &random)
    guard delay > 0 else { return incarnation.commit() }
    isWriting = true
    let writing = generation
    kernel.after(.milliseconds(delay)) { [self] in
      guard generation == writing else { return }
      isWriting = false
      self.incarnation?.commit()
    }
  }

  private func failDisk() {
    guard let fault = DiskFaults.all.randomElement(using: &random) else { return }
    disk.arm(fault)
    kernel.after(.milliseconds(Int.random(in: 1...9000, using: &random))) { self.disk.heal() }
  }

  /// Checks that the daemon resumes by itself once the faults are over.
  private func deliverOnceMore() {
    guard problem == nil else { return }
    disk.heal()
    disk.keepRunning()
    let event = Event(
      webhookID: "w-last", predictionID: "last", status: "succeeded", logs: nil, output: "o", padding: 10,
      sha256: signing.sha256)
    ledger.announce(event)
    var isStored = false
    // The kernel aborts some connections by itself, but not twenty in a row.
    for _ in 0..<20 where !isStored && problem == nil {
      deliver(event, fault: .none) { isStored = isStored || $0 }
      step(until: { self.isQuiet }, orElse: "the last delivery is not answered")
    }
    if !isStored { fail("the last delivery is not stored") }
  }
}
