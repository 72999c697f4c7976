import EventLoop
import FaultyDisk
import HTTPServer
import Jobs
import Simulation
import StandardWebhooks
@testable import Time

/// A daemon, its network and its disk, and all that a seed lets happen to them: from its first start to its last end,
/// through deaths, power cuts and restarts. Used by one thread.
final class World {
  let kernel: SimulatedKernel
  let disk: MemoryDisk
  let plan: Plan
  let signing: Signing
  var random: SeededGenerator
  var ledger = Ledger()
  var tally = Tally()
  /// Connections that are not over.
  var lines: [Line] = []
  var exchanges: [Exchange] = []
  /// Connections that have had their answer and may carry another request.
  var idleLines: [Line] = []
  private(set) var problem: String?

  private var incarnation: Incarnation?
  private let liar: MemoryDisk?
  /// Counts the incarnations.
  private(set) var generation = 0
  private var isDraining = false
  private var isWriting = false
  /// Nothing is started any more.
  private var isEnding = false
  private var turns = 0
  private var diskDeaths: [Int]

  /// What a world without flaws must never do, so that it is known to be noticed.
  enum Flaw {
    case acknowledgesBeforeCommit
    /// A sync means nothing to the disk.
    case losesSyncs
  }

  /// - Parameters:
  ///   - disk: is formatted.
  ///   - database: an empty one.
  init(seed: UInt64, disk: MemoryDisk, database: [UInt8], signing: Signing, flaw: Flaw? = nil) throws {
    random = SeededGenerator(seed: seed)
    plan = Plan(&random)
    kernel = SimulatedKernel(seed: random.next(), faults: plan.kernelFaults)
    self.disk = disk
    disk.format(holding: plan.beginsWithNothing ? nil : database)
    if flaw == .losesSyncs { disk.ignoreSyncs() }
    liar = flaw == .acknowledgesBeforeCommit ? try MemoryDisk() : nil
    self.signing = signing
    diskDeaths = plan.diskDeaths
  }

  func fail(_ reason: String) {
    if problem == nil { problem = reason }
  }
}

// MARK: - Time

extension World {
  /// A world in which nothing ends by itself would go on for ever.
  private static let mostSteps = 20_000

  func run() {
    schedule()
    start()
    step(until: { self.isQuiet }, orElse: "nothing comes to an end")
    endSilence()
    deliverOnceMore()
    isEnding = true
    if Bool.random(using: &random) { die() } else { stopInOrder() }
    // They hold this world.
    kernel.cancelScheduledEvents()
    if problem == nil, let reason = Verdict.problem(with: disk, after: ledger, sha256: signing.sha256) {
      fail(reason)
    }
  }

  private func schedule() {
    scheduleProvider()
    scheduleStrangers()
    scheduleQuestions()
    for time in plan.stops { kernel.after(.milliseconds(time)) { self.stop() } }
    for time in plan.diskFaults { kernel.after(.milliseconds(time)) { self.failDisk() } }
    for time in plan.checkpoints {
      kernel.after(.milliseconds(time)) { self.incarnation?.checkpoint() }
    }
  }

  /// Every connection has a deadline, so that the listener alone is left.
  private func endSilence() {
    step(until: { self.isQuiet && self.kernel.openDescriptors == 1 }, orElse: "a connection stays open")
    if !lines.allSatisfy(\.peer.isOver) { fail("a connection is closed and its client not told") }
  }

  /// Nothing more will happen by itself, and the daemon serves.
  private var isQuiet: Bool {
    kernel.isQuiet && exchanges.isEmpty && incarnation != nil && !isDraining && !isWriting
  }

  func step(until condition: () -> Bool, orElse reason: String) {
    var steps = 0
    while problem == nil && !condition() {
      steps += 1
      guard steps < Self.mostSteps else { return fail(reason) }
      step()
    }
  }

  /// All that can happen now, and then what comes next.
  private func step() {
    repeat { turn(waits: false) } while incarnation?.loop.isBusy == true || kernel.hasReports
    look()
    turn(waits: true)
  }

  private func turn(waits: Bool) {
    guard incarnation != nil else {
      var events: [ReadyEvent] = []
      // Clients look what has become of their connections meanwhile.
      if waits { kernel.wait(until: kernel.monotonicTime + .milliseconds(500), into: &events) }
      return
    }
    turns += 1
    // Not held by a name here: what is buried must be gone.
    incarnation?.loop.turn(waits: waits)
    if plan.deaths.contains(turns) || disk.hasStopped { return die() }
    write()
    if disk.hasStopped { return die() }
    guard incarnation?.hasEnded == true else { return }
    guard isDraining else { return fail("the server has ended by itself") }
    if !isWriting { endInOrder() }
  }

  private func look() {
    for exchange in exchanges { exchange.look() }
    exchanges.removeAll(where: \.isOver)
    var areAllOpen = true
    for line in lines {
      line.look(at: kernel.monotonicTime)
      if let reason = line.problem { fail(reason) }
      if line.isOver { areAllOpen = false }
    }
    if !areAllOpen { lines.removeAll(where: \.isOver) }
  }
}

// MARK: - Lives

extension World {
  private func start() {
    guard incarnation == nil, problem == nil else { return }
    generation += 1
    (isDraining, isWriting) = (false, false)
    if let count = diskDeaths.popLast() { disk.stop(after: count) }
    do {
      incarnation = try Incarnation(
        kernel: kernel, path: disk.path, limits: plan.limits, secret: signing.secret, liar: liar)
    } catch {
      tally.failedStarts += 1
      // As the service manager would.
      if requireAllClosed() { leaveDisk(losingPower: disk.hasStopped && Bool.random(using: &random)) }
      startAgain()
    }
  }

  private func startAgain() {
    guard !isEnding else { return }
    kernel.after(.milliseconds(Int.random(in: 1...8000, using: &random))) { self.start() }
  }

  /// The process dies where it is, or the power goes.
  private func die() {
    tally.deaths += 1
    if disk.hasStopped { tally.diskDeaths += 1 }
    disk.stop(after: 0)
    kernel.killProcess()
    if incarnation?.vanish() == false { return fail("an aborted server does not end") }
    bury(losingPower: Bool.random(using: &random))
  }

  /// What SIGTERM does.
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
    tally.orderlyEnds += 1
    incarnation?.finish()
    bury(losingPower: random.happens(onceIn: 4))
  }

  private func bury(losingPower: Bool) {
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
    if losingPower { tally.powerCuts += 1 }
    let kept = [0, 2, 5, 8, 10].randomElement(using: &random) ?? 5
    disk.start(after: losingPower ? .power(seed: random.next(), kept: kept) : .nothing)
  }
}

// MARK: - The disk

extension World {
  /// Commits what was handed over, at once or after a while; meanwhile more comes together.
  private func write() {
    guard let incarnation, incarnation.gather(), !isWriting else { return }
    let delay = plan.slowestCommit == 0 ? 0 : Int.random(in: 0...plan.slowestCommit, using: &random)
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

  /// When all is well again, the daemon goes on by itself.
  private func deliverOnceMore() {
    guard problem == nil else { return }
    disk.heal()
    disk.keepRunning()
    let event = Event(
      webhookID: "w-last", predictionID: "last", status: "succeeded", logs: nil, output: "o", padding: 10,
      sha256: signing.sha256)
    ledger.announce(event)
    var isStored = false
    // A kernel that aborts connections by itself aborts no twenty of them.
    for _ in 0..<20 where !isStored && problem == nil {
      deliver(event, mishap: .none) { isStored = isStored || $0 }
      step(until: { self.isQuiet }, orElse: "the last delivery is not answered")
    }
    if !isStored { fail("the last delivery is not stored") }
  }
}
