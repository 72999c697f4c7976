import Glibc

/// The results of one run of its lanes.
struct Measurement {
  struct LaneResult {
    let name: String
    let connections: Int
    let answered: Int
    let seconds: Double
    let latencies: Latencies.Summary?
    let statuses: [(status: Int, count: Int)]
    let unexpected: Int
    /// Requests whose connection was lost before the response.
    let broken: Int
    /// Requests in flight at the time limit.
    let unanswered: Int
    /// Sends that the time limit prevented.
    let unsent: Int
    let reconnects: Int
    let problem: ResponseReader.Problem?
    let isBackground: Bool

    var perSecond: Double { seconds > 0 ? Double(answered) / seconds : 0 }
  }

  /// The receiver's resource usage.
  struct ServerCost {
    let cpuSeconds: Double
    let writtenBytes: Int?
    let peakMemory: Int?
    let residentMemory: Int?
    let instructions: UInt64?
    let instructionsIncludeKernel: Bool
  }

  let lanes: [LaneResult]
  let server: ServerCost?
  let seconds: Double
  /// CPU time of this program during the measurement, without connecting beforehand.
  let clientCPUSeconds: Double

  /// Share of one core; near 1 the client is the bottleneck.
  var clientShare: Double { seconds > 0 ? clientCPUSeconds / seconds : 0 }
  var answered: Int { lanes.reduce(0) { $0 + $1.answered } }
  /// Responses without background lanes: only these make the receiver write.
  var foregroundAnswered: Int { lanes.reduce(0) { $0 + ($1.isBackground ? 0 : $1.answered) } }

  /// Runs `lanes` for at most `seconds`, and measures `process` meanwhile.
  static func run(
    _ lanes: [Lane], on process: pid_t?, seconds: Int, progress: Progress?
  ) throws -> Measurement {
    try run(LoadLoop(lanes), lanes, on: process, seconds: seconds, progress: progress)
  }

  /// Runs the loop that has `lanes`.
  static func run(
    _ loop: LoadLoop, _ lanes: [Lane], on process: pid_t?, seconds: Int, progress: Progress?
  ) throws -> Measurement {
    try loop.openKeepAliveConnections()
    let counter = process.flatMap { InstructionCounter(of: $0) }
    let (instructions, before) = (counter?.count ?? 0, process.flatMap { ResourceUsage(of: $0) })
    let ownBefore = ResourceUsage.ownCPUSeconds
    try loop.run(seconds: Double(seconds), progress: progress)
    let own = ResourceUsage.ownCPUSeconds - ownBefore
    var cost: ServerCost?
    if let process, let before, let after = ResourceUsage(of: process) {
      let counted = counter.map { $0.count &- instructions }
      cost = ServerCost(
        cpuSeconds: after.cpuSeconds - before.cpuSeconds,
        writtenBytes: after.writtenBytes.flatMap { total in before.writtenBytes.map { total - $0 } },
        peakMemory: after.peakMemory, residentMemory: after.residentMemory, instructions: counted,
        instructionsIncludeKernel: counter?.includesKernel ?? false)
    }
    let results = lanes.map { LaneResult($0, startedAt: loop.startedAt) }
    return Measurement(
      lanes: results, server: cost, seconds: results.map(\.seconds).max() ?? 0, clientCPUSeconds: own)
  }
}

extension Measurement.LaneResult {
  init(_ lane: Lane, startedAt: UInt64) {
    name = lane.name
    connections = lane.connections
    answered = lane.answered
    seconds = lane.answered > 0 ? Double(lane.lastAnswerAt - startedAt) / 1e9 : 0
    latencies = lane.latencies.summary()
    statuses = lane.statusCounts
    unexpected = lane.unexpected
    broken = lane.broken
    unanswered = lane.taken - lane.answered - lane.broken
    unsent = lane.isBackground ? 0 : lane.sends.count - lane.taken
    reconnects = lane.reconnects
    problem = lane.firstProblem
    isBackground = lane.isBackground
  }

  /// Whether any response is unexpected or lost, or there is none.
  var isFaulty: Bool { unexpected > 0 || broken > 0 || answered == 0 }
}
