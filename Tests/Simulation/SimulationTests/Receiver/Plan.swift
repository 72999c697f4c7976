import HTTPServer
import Simulation

/// The parameters of a simulation that a seed decides before it begins.
struct Plan {
  let predictions: Int
  let hostileClients: Int
  let observations: Int
  let faults: MachineFaults

  /// For how many milliseconds new events may begin.
  static let span = 20_000

  init(_ random: inout SeededGenerator) {
    predictions = Int.random(in: 1...4, using: &random)
    hostileClients = Int.random(in: 0...2, using: &random)
    observations = Int.random(in: 0...5, using: &random)
    var faults = MachineFaults()
    faults.splitsRequests = Bool.random(using: &random)
    faults.clientFaultsOnceIn = random.happens(onceIn: 3) ? 0 : Int.random(in: 2...8, using: &random)
    faults.crashes = MachineFaults.some(2, upTo: 300, &random)
    faults.diskCrashes = MachineFaults.some(2, upTo: 40, &random)
    faults.stops = MachineFaults.some(1, upTo: Self.span, &random)
    faults.diskFailures = MachineFaults.some(2, upTo: Self.span, &random)
    faults.checkpoints = MachineFaults.some(2, upTo: Self.span, &random)
    faults.maxCommitMilliseconds =
      Bool.random(using: &random) ? 0 : [1, 50, 2000].randomElement(using: &random) ?? 0
    faults.kernel = SimulatedKernel.Faults()
    faults.kernel.acceptAborts = random.happens(onceIn: 3) ? 6 : 0
    faults.kernel.acceptExhausted = random.happens(onceIn: 3) ? 4 : 0
    if random.happens(onceIn: 4) { faults.kernel = .none }
    faults.limits = Self.limits(&random)
    faults.beginsWithNothing = random.happens(onceIn: 16)
    self.faults = faults
  }

  private static func limits(_ random: inout SeededGenerator) -> ServerLimits {
    var limits = ServerLimits()
    if random.happens(onceIn: 3) { limits.maxConnections = Int.random(in: 1...6, using: &random) }
    if random.happens(onceIn: 6) { limits.maxConnectionsPerAddress = Int.random(in: 1...4, using: &random) }
    if random.happens(onceIn: 6) { limits.maxBytesInFlight = Int.random(in: 2000...20_000, using: &random) }
    if random.happens(onceIn: 6) { limits.maxRequestsPerConnection = Int.random(in: 1...3, using: &random) }
    return limits
  }
}
