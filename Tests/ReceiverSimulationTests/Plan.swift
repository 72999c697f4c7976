import HTTPServer
import Simulation

/// What a seed decides of a world before it begins.
struct Plan {
  let predictions: Int
  let strangers: Int
  let questions: Int
  /// Senders hand over a request in pieces.
  let splitsRequests: Bool
  /// Of so many attempts, one breaks off, falls silent or does not read: 0 for none.
  let mishapsOnceIn: Int
  /// Turns of the loop at which the process dies, or the power goes.
  let deaths: [Int]
  /// Changes of the disk, counted from one start to the next, at which the same happens.
  let diskDeaths: [Int]
  /// Times in milliseconds at which somebody stops the daemon in order, and starts it again.
  let stops: [Int]
  /// Times in milliseconds at which the disk begins to fail.
  let diskFaults: [Int]
  let checkpoints: [Int]
  /// How long a commit takes at most, in milliseconds; 0: no time.
  let slowestCommit: Int
  let kernelFaults: SimulatedKernel.Faults
  let limits: ServerLimits
  /// The database does not exist yet.
  let beginsWithNothing: Bool

  /// For how long something new may happen, in milliseconds.
  static let span = 20_000

  init(_ random: inout SeededGenerator) {
    predictions = Int.random(in: 1...4, using: &random)
    strangers = Int.random(in: 0...2, using: &random)
    questions = Int.random(in: 0...5, using: &random)
    splitsRequests = Bool.random(using: &random)
    mishapsOnceIn = random.happens(onceIn: 3) ? 0 : Int.random(in: 2...8, using: &random)
    deaths = Self.some(2, upTo: 300, &random)
    diskDeaths = Self.some(2, upTo: 40, &random)
    stops = Self.some(1, upTo: Self.span, &random)
    diskFaults = Self.some(2, upTo: Self.span, &random)
    checkpoints = Self.some(2, upTo: Self.span, &random)
    slowestCommit = Bool.random(using: &random) ? 0 : [1, 50, 2000].randomElement(using: &random) ?? 0
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

  private static func some(_ most: Int, upTo limit: Int, _ random: inout SeededGenerator) -> [Int] {
    guard Bool.random(using: &random) else { return [] }
    let count = Int.random(in: 1...most, using: &random)
    return (0..<count).map { _ in Int.random(in: 1...limit, using: &random) }
  }
}
