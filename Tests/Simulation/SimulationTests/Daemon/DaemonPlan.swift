import Simulation

/// The parameters of a simulation of the whole daemon that a seed decides.
struct DaemonPlan {
  /// For how many milliseconds there are faults.
  var span: Int
  let orders: Int
  /// Predictions that another program creates.
  let foreignPredictions: Int
  let hasPublicURL: Bool
  /// Whether a backup is made at an end of the daemon, and restored at the next.
  let restoresBackup: Bool
  /// Seconds.
  var reconcileAfter: Int
  let jobTimeout: Int
  var createsPerMinute: Int
  /// When the wall clock is set, and how far it is ahead then, in milliseconds.
  var clockSteps: [(time: Int, offset: Int64)]
  var faults: MachineFaults
  var provider: ProviderPlan

  init(_ random: inout SeededGenerator) {
    span = [20_000, 60_000, 180_000].randomElement(using: &random) ?? 60_000
    orders = Int.random(in: 1...4, using: &random)
    foreignPredictions = Int.random(in: 0...2, using: &random)
    hasPublicURL = !random.happens(onceIn: 12)
    reconcileAfter = [5, 30].randomElement(using: &random) ?? 30
    jobTimeout = [20, 60, 900].randomElement(using: &random) ?? 900
    createsPerMinute = [6, 60, 600].randomElement(using: &random) ?? 600
    let setsClock = random.happens(onceIn: 4)
    // A clock that is hours off, on a machine and with a provider that lose no call.
    let isFarOff = setsClock && random.happens(onceIn: 3)
    // Otherwise clocks differ by less than the tolerance of signatures and searches.
    let maxOffset: Int64 = isFarOff ? 7_200_000 : 200_000
    var steps: [(Int, Int64)] = []
    for _ in 0..<(setsClock ? Int.random(in: 1...3, using: &random) : 0) {
      let offset = Int64.random(in: -maxOffset...maxOffset, using: &random)
      steps.append((Int.random(in: 0...span, using: &random), offset))
    }
    clockSteps = steps
    var faults = Self.faults(span: span, &random)
    restoresBackup = !isFarOff && random.happens(onceIn: 8)
    if restoresBackup {
      let (first, second) = (Int.random(in: 0...span / 4, using: &random), span / 2)
      faults.stops = [span / 4 + first, second + first]
    }
    self.faults = isFarOff ? MachineFaults() : faults
    var provider = ProviderPlan(
      span: span, isSlow: !setsClock && Bool.random(using: &random), &random)
    // The time within which 404s are repeated is measured by the wall clock.
    if setsClock { provider.outages.removeAll { $0.kind == .forgets } }
    if isFarOff { (provider.faultsOnceIn, provider.outages) = (0, []) }
    self.provider = provider
  }

  private static func faults(span: Int, _ random: inout SeededGenerator) -> MachineFaults {
    var faults = MachineFaults()
    faults.splitsRequests = random.happens(onceIn: 4)
    faults.clientFaultsOnceIn = random.happens(onceIn: 3) ? Int.random(in: 2...8, using: &random) : 0
    faults.crashes = MachineFaults.some(3, upTo: 600, &random)
    faults.diskCrashes = MachineFaults.some(3, upTo: 80, &random)
    faults.stops = MachineFaults.some(2, upTo: span, &random)
    faults.diskFailures = MachineFaults.some(2, upTo: span, &random)
    faults.checkpoints = MachineFaults.some(1, upTo: span, &random)
    faults.maxCommitMilliseconds =
      Bool.random(using: &random) ? 0 : [1, 50, 2000].randomElement(using: &random) ?? 0
    faults.beginsWithNothing = random.happens(onceIn: 16)
    if random.happens(onceIn: 4) {
      faults.kernel = SimulatedKernel.Faults()
      faults.kernel.acceptAborts = random.happens(onceIn: 3) ? 6 : 0
      faults.kernel.acceptExhausted = random.happens(onceIn: 3) ? 4 : 0
    }
    return faults
  }
}
