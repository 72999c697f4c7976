import Daemon
import FaultyDisk
import HTTPClient
import Replicate
import Scheduler
@testable import Settings
import Simulation
import StandardWebhooks
import WebhookIntake
@testable import Time

/// The whole daemon between an app and a provider, on a machine that fails, driven by a seed.
class DaemonSimulation: MachineSimulation {
  let plan: DaemonPlan
  let account: Account
  let callbacks: CallbackReceiver
  /// Those of the plan, and their retries.
  var orders: [AppOrder]
  /// The webhook ids of deliveries that were answered 2xx.
  var acknowledged: Set<String> = []
  var openDeliveries = 0
  /// Made at the first end of the daemon, in some simulations.
  var backup: SimulatedBackup?
  var isRestored = false
  var jobStreams: [JobStream] = []
  let mirror = Mirror()
  /// For the readers of streams.
  var streamRandom: SeededGenerator
  private let startedAt: Int64
  /// Whether successes are held back, in every third simulation.
  let holdsEnds: Bool

  override var maxSteps: Int { 60_000 }

  /// - Parameter hasFault: whether a fault is planted in the database, which every daemon then begins with.
  convenience init(
    seed: UInt64, disk: MemoryDisk, database: [UInt8], signing: Signing, hasFault: Bool = false
  ) {
    var random = SeededGenerator(seed: seed)
    var plan = DaemonPlan(&random)
    if hasFault { plan.faults.beginsWithNothing = false }
    let orders = (0..<plan.orders).map { AppOrder(number: $0, &random) }
    // A hold is as long as a clock is set back meanwhile.
    let holdsEnds = seed.isMultiple(of: 3) && plan.clockSteps.allSatisfy { abs($0.offset) < 300_000 }
    self.init(
      seed: seed, plan: plan, orders: orders, holdsEnds: holdsEnds, disk: disk, database: database,
      signing: signing, random: random)
  }

  init(
    seed: UInt64, plan: DaemonPlan, orders: [AppOrder], holdsEnds: Bool, disk: MemoryDisk,
    database: [UInt8], signing: Signing, random: SeededGenerator
  ) {
    var random = random
    (self.plan, self.orders, self.holdsEnds) = (plan, orders, holdsEnds)
    let kernelSeed = random.next()
    let accountSeed = random.next()
    streamRandom = SeededGenerator(seed: ~seed)
    let kernel = SimulatedKernel(seed: kernelSeed, faults: plan.faults.kernel)
    startedAt = kernel.trueTimeMilliseconds
    account = Account(
      plan: plan.provider, kernel: kernel, seed: accountSeed, end: plan.span,
      maxCreatesPerMinute: plan.createsPerMinute)
    callbacks = CallbackReceiver(kernel: kernel, seed: seed, end: plan.span)
    super.init(
      kernel: kernel, faults: plan.faults, disk: disk, database: database, signing: signing, random: random)
    account.send = { [unowned self] in self.send($0) }
  }

  /// Milliseconds since the start.
  var time: Int { Int(kernel.trueTimeMilliseconds - startedAt) }
  var isFaulty: Bool { time < plan.span }

  func after(_ milliseconds: Int, _ action: @escaping () -> Void) {
    kernel.after(.milliseconds(milliseconds), action)
  }

  /// The start of the URLs that callbacks are sent to.
  static let callbackURLs = "https://app.example.com/"

  /// The capabilities, with those on that are off by default.
  private static let capabilities = Result {
    var reader = SettingsReader(
      variables: DaemonSettings.variables,
      environment: [
        "REPLICATE_WEBHOOK_SECRET": Signing.secretText, "DATABASE_URL": "sqlite:unset",
        "CALLBACK_URL": callbackURLs + "hook", "CALLBACK_HOSTS": "app.example.com",
      ]
    ) { _ in nil }
    return try reader.read(DaemonSettings.init).capabilities
  }

  override func adjust(_ settings: inout DaemonSettings) {
    if let capabilities = try? Self.capabilities.get() { settings.capabilities = capabilities }
    if holdsEnds { settings.capabilities.append(HeldEnds()) }
    settings.intake.secrets = []
    settings.provider.token = APIToken("r8_simulated")
    settings.provider.apiURL = "https://api.replicate.com"
    settings.provider.publicURL = plan.hasPublicURL ? "https://hooks.example.com" : nil
    settings.provider.reconcileAfter = .seconds(plan.reconcileAfter)
    settings.provider.jobTimeout = .seconds(plan.jobTimeout)
    settings.provider.createsPerMinute = plan.createsPerMinute
  }

  override func noteEndOfLife() { makeOrRestoreBackup() }
  override func pollStreamReaders() { pollReaders() }

  override func incarnate() throws -> Incarnation {
    account.rules.noteStart()
    return try Incarnation(
      kernel: kernel, settings: try settings(),
      secrets: [try Secret(Account.secretTexts[account.secret])],
      client: SimulatedHTTPClient(kernel: kernel, account: account, callbacks: callbacks),
      epoch: isRestored ? Incarnation.restoredEpoch : Incarnation.epoch)
  }

  override func run() {
    scheduleApp()
    scheduleForeignPredictions()
    scheduleMirror()
    scheduleMachineFaults()
    for (time, offset) in plan.clockSteps {
      after(time) { [kernel] in
        let ahead = kernel.wallTimeMilliseconds - kernel.trueTimeMilliseconds
        kernel.stepWallClock(byMilliseconds: offset - ahead)
      }
    }
    after(plan.span) { self.heal() }
    start()
    step(until: { self.isSettled || self.isOverdue }, orElse: "nothing comes to an end")
    if let reason = account.problem { fail(reason) }
    if problem == nil, !isSettled { fail("\(waiting) waits past its deadline") }
    end()
    counts = counts + account.counts + callbacks.counts
    guard problem == nil else { return }
    if let reason = DaemonVerdict(self).problem() { fail(reason) }
  }
}

// MARK: - Its course

extension DaemonSimulation {
  /// The maximum time from the provider's last change, or the last fault, to the end of every job.
  ///
  /// A job is polled at least every ten minutes. A lost prediction that cannot be found ends its job after
  /// eleven.
  ///
  /// A deleted one ends it after four polls.
  fileprivate var maxWait: Int { plan.provider.deletesOnceIn == 0 ? 900_000 : 3_600_000 }

  /// Ends the faults of the disk, which may then be used to the end, and of the mirror.
  fileprivate func heal() {
    disk.heal()
    healMirror()
  }

  fileprivate var isSettled: Bool {
    !isFaulty && isServing && exchanges.isEmpty && openDeliveries == 0 && orders.allSatisfy(\.isEnded)
      && account.predictions.allSatisfy { !$0.isKnown || $0.order != nil || $0.isShownEnded }
      && account.predictions.allSatisfy { !$0.isDeletionRequested || $0.isDeleted }
      && account.predictions.allSatisfy(\.isEnded) && isNotified
      && (kernel.trueTimeMilliseconds - account.changedAt > 60_000 || account.problem != nil)
      && streamsAreSettled
  }

  /// Whether the app has received the ends that it was shown.
  private var isNotified: Bool {
    orders.allSatisfy { $0.isForgotten || $0.id.map(callbacks.hasEnd) ?? true }
      && account.predictions.allSatisfy { !$0.isShownEnded || callbacks.hasEnd(ofJob: $0.id) }
  }

  fileprivate var isOverdue: Bool {
    account.problem != nil || time - max(plan.span, Int(account.changedAt - startedAt)) > maxWait
  }

  fileprivate var waiting: String {
    if let order = orders.first(where: { !$0.isEnded }) { return "order \(order.number)" }
    if let other = account.predictions.first(where: { $0.isKnown && $0.order == nil && !$0.isShownEnded }) {
      return "the job of \(other.id)"
    }
    if let stream = jobStreams.first(where: { !$0.reader.isDone }) {
      return
        "the stream of order \(stream.order.number), last shown \(stream.shown.map { "\($0)" } ?? "nothing")"
    }
    if !isNotified { return "a callback" }
    return openDeliveries > 0 ? "a delivery" : "the daemon"
  }

  fileprivate func scheduleForeignPredictions() {
    for _ in 0..<plan.foreignPredictions {
      let isTraining = random.happens(onceIn: 3)
      let query = Bool.random(using: &random) ? "?user=7" : ""
      after(Int.random(in: 0...plan.span / 2, using: &random)) { [self] in
        account.add(
          order: nil, isTraining: isTraining, webhook: "https://hooks.example.com/webhooks/replicate" + query,
          events: ["start", "completed"])
      }
    }
  }
}
