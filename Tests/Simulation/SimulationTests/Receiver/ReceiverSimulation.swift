import FaultyDisk
import Jobs
import Simulation
import StandardWebhooks

/// A daemon that receives deliveries, with its network and its disk, driven by a seed.
///
/// It goes from the first start to the last end.
final class ReceiverSimulation: MachineSimulation {
  let plan: Plan
  var ledger = DeliveryLedger()
  private let earlyAck: MemoryDisk?
  private let subscriberCount: Int

  /// A deliberate flaw, which shows that the checks can fail.
  enum Flaw {
    case acknowledgesBeforeCommit
    /// The disk ignores syncs.
    case losesSyncs
  }

  init(seed: UInt64, disk: MemoryDisk, database: [UInt8], signing: Signing, flaw: Flaw? = nil) throws {
    var random = SeededGenerator(seed: seed)
    plan = Plan(&random)
    earlyAck = flaw == .acknowledgesBeforeCommit ? try MemoryDisk() : nil
    // From a generator of its own: the other seeds run as they did before there were streams.
    var streamRandom = SeededGenerator(seed: seed ^ 0x57EA)
    subscriberCount = seed % 3 == 1 ? Int.random(in: 1...5, using: &streamRandom) : 0
    let kernel = SimulatedKernel(seed: random.next(), faults: plan.faults.kernel)
    super.init(
      kernel: kernel, faults: plan.faults, disk: disk, database: database, signing: signing, random: random)
    if flaw == .losesSyncs { disk.ignoreSyncs() }
  }

  override func incarnate() throws -> Incarnation {
    try Incarnation(kernel: kernel, settings: try settings(), earlyAck: earlyAck)
  }

  override func run() {
    scheduleProvider()
    scheduleHostileClients()
    scheduleObservers()
    scheduleSubscribers(subscriberCount)
    scheduleMachineFaults()
    start()
    step(until: { self.isQuiet }, orElse: "nothing comes to an end")
    waitForDeadlines()
    deliverOnceMore()
    end()
    if problem == nil, let reason = Verdict.problem(with: disk, after: ledger, sha256: signing.sha256) {
      fail(reason)
    }
  }

  /// Waits until every connection is closed by its deadline.
  private func waitForDeadlines() {
    step(until: { self.isQuiet && self.kernel.openDescriptors == 1 }, orElse: "a connection stays open")
    if !connections.allSatisfy(\.peer.isOver) { fail("a connection is closed and its client not informed") }
  }

  /// Whether no event is pending, and the daemon serves.
  private var isQuiet: Bool { kernel.isQuiet && exchanges.isEmpty && isServing }

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
