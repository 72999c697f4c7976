import FaultyDisk
import Glibc
import Testing
@testable import Time

/// The whole daemon on a simulated kernel, clock and disk, with a simulated provider.
///
/// A seed decides each run. A seed that fails here gets a test of its own. `DAEMON_SEEDS` sets how many seeds
/// are run (default 1000), and `DAEMON_SEED_START` the first (default 0). With `DAEMON_MINUTES`, as
/// `deploy/prove.sh --only daemon` sets it, seeds are run until that time is over. A single one is run by
///
///     DAEMON_SEED_START=4711 DAEMON_SEEDS=1 swift test --filter DaemonSimulationTests
@Suite struct DaemonSimulationTests {
  private static let firstSeed = number("DAEMON_SEED_START") ?? 0
  private static let maxSeeds = number("DAEMON_SEEDS") ?? (number("DAEMON_MINUTES") == nil ? 1000 : .max / 2)
  private static let deadline = number("DAEMON_MINUTES").map { MonotonicClock.now + .seconds(60 * Int64($0)) }

  private static func number(_ variable: String) -> UInt64? {
    getenv(variable).flatMap { UInt64(String(cString: $0)) }
  }

  /// The number of cases, each a part of the seeds.
  ///
  /// Several for each processor keep all of them busy to the end.
  private static let parts = 4 * UInt64(max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  @Test(arguments: 0..<parts)
  func `every job ends as the provider last reported`(_ part: UInt64) async throws {
    let run = try SeededRun()
    var progress = Progress()
    var number = part
    while number < Self.maxSeeds, Self.deadline.map({ MonotonicClock.now < $0 }) ?? true {
      let result = try run.run(Self.firstSeed + number)
      progress.add(result)
      // The problem names the seed, which replays exactly.
      if let problem = result.problem { Issue.record("\(problem)") }
      number += Self.parts
      // Other tests share the threads.
      await Task.yield()
    }
    progress.note()
  }

  /// Records results for deploy/prove.sh, one line per thousand seeds.
  private struct Progress {
    private var simulations = 0
    private var acknowledged = 0
    private var lost = 0
    private var appliedTwice = 0

    mutating func add(_ result: SeededRun.Result) {
      simulations += 1
      acknowledged += result.counts[.acknowledgement] + result.counts[.acceptedOrder]
      let problem = result.problem ?? ""
      if problem.contains("is lost") || problem.contains("is not stored") { lost += 1 }
      if problem.contains("is created") { appliedTwice += 1 }
      guard simulations == 1000 else { return }
      note()
      self = Progress()
    }

    func note() {
      guard simulations > 0 else { return }
      ProofRecord.note(
        "daemon", rounds: simulations, acknowledged: acknowledged, lost: lost, appliedTwice: appliedTwice)
    }
  }

  @Test(arguments: [0, 1, 2, 3, 4, 5, 6, 7] as [UInt64])
  func `a seed replays exactly`(_ seed: UInt64) throws {
    let first = try SeededRun().run(seed)
    let run = try SeededRun()
    _ = try run.run(seed &+ 100)
    #expect(try run.run(seed) == first)
    #expect(try run.run(seed + 1).trace != first.trace)
  }

  @Test func `every kind of event occurs`() throws {
    let run = try SeededRun()
    let total = try (0..<100 as Range<UInt64>).reduce(Counts()) { try $0 + run.run($1).counts }
    for occurrence in Occurrence.allCases where !Self.onlyOfOthers.contains(occurrence) {
      #expect(total[occurrence] > 0, "\(occurrence)")
    }
  }

  // MARK: - The checks can fail

  @Test(arguments: PlantedFault.allCases)
  func `a planted fault is found within a hundred seeds`(_ fault: PlantedFault) async throws {
    let run = try SeededRun(planting: fault.sql)
    var problems: [String] = []
    for seed in 0..<100 as Range<UInt64> {
      guard let problem = try run.run(seed, hasFault: true).problem else { continue }
      if problem.contains(fault.problem) { return }
      problems.append(problem)
      await Task.yield()
    }
    Issue.record("not found; instead: \(problems)")
  }

  private static let onlyOfOthers: Set<Occurrence> = [
    .refusal, .unanswered, .streamedNumber, .acceptedWorkflow, .canceledWorkflow, .resumedWorkflow,
  ]
}

extension SeededRun {
  fileprivate func run(_ seed: UInt64, hasFault: Bool = false) throws -> Result {
    try run(seed) { seed, disk, database, signing in
      DaemonSimulation(
        seed: seed, disk: disk, database: database, signing: signing, hasFault: hasFault)
    }
  }
}
