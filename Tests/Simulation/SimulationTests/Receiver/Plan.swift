import HTTPServer
import Simulation

/// The parameters of a simulation that a seed decides before it begins.
struct Plan {
  let predictions: Int
  let hostileClients: Int
  let observations: Int
  /// Senders split their requests into pieces.
  let splitsRequests: Bool
  /// One of so many exchanges has a ``ClientFault``; 0: none.
  let clientFaultsOnceIn: Int
  /// Turns of the loop with a crash or a power cut.
  let crashes: [Int]
  /// Disk writes, counted from each start, with a crash or power cut.
  let diskCrashes: [Int]
  /// Times in milliseconds of clean restarts.
  let stops: [Int]
  /// Times in milliseconds at which the disk begins to fail.
  let diskFaults: [Int]
  let checkpoints: [Int]
  /// The maximum duration of a commit; 0: no time.
  let maxCommitMilliseconds: Int
  let kernelFaults: SimulatedKernel.Faults
  let limits: ServerLimits
  /// The database does not exist yet.
  let beginsWithNothing: Bool

  /// For how many milliseconds new events may begin.
  static let span = 20_000

  init(_ random: inout SeededGenerator) {
    predictions = Int.random(in: 1...4, using: &random)
    hostileClients = Int.random(in: 0...2, using: &random)
    observations = Int.random(in: 0...5, using: &random)
    splitsRequests = Bool.random(using: &random)
    clientFaultsOnceIn = random.happens(onceIn: 3) ? 0 : Int.random(in: 2...8, using: &random)
    crashes = Self.some(2, upTo: 300, &random)
    diskCrashes = Self.some(2, upTo: 40, &random)
    stops = Self.some(1, upTo: Self.span, &random)
    diskFaults = Self.some(2, upTo: Self.span, &random)
    checkpoints = Self.some(2, upTo: Self.span, &random)
    maxCommitMilliseconds =
      Bool.random(using: &random) ? 0 : [1, 50, 2000].randomElement(using: &random) ?? 0
    var faults = SimulatedKernel.Faults()
    faults.acceptAborts = random.happens(onceIn: 3) ? 6 : 0
    faults.acceptExhausted = random.happens(onceIn: 3) ? 4 : 0
    kernelFaults = random.happens(onceIn: 4) ? .none : faults
    var limits = ServerLimits()
    if random.happens(onceIn: 3) { limits.maxConnections = Int.random(in: 1...6, using: &random) }
    if random.happens(onceIn: 6) { limits.maxConnectionsPerAddress = Int.random(in: 1...4, using: &random) }
    if random.happens(onceIn: 6) { limits.maxBytesInFlight = Int.random(in: 2000...20_000, using: &random) }
    if random.happens(onceIn: 6) { limits.maxRequestsPerConnection = Int.random(in: 1...3, using: &random) }
    self.limits = limits
    beginsWithNothing = random.happens(onceIn: 16)
  }

  private static func some(_ maxCount: Int, upTo limit: Int, _ random: inout SeededGenerator) -> [Int] {
    guard Bool.random(using: &random) else { return [] }
    let count = Int.random(in: 1...maxCount, using: &random)
    return (0..<count).map { _ in Int.random(in: 1...limit, using: &random) }
  }
}
