import FaultyDisk
import Glibc
import Testing

/// The whole daemon on a simulated kernel, clock and disk, with a simulated provider.
///
/// A seed decides each run. A seed that fails here gets a test of its own. `DAEMON_SEEDS` sets how many seeds
/// are run (default 1000), and `DAEMON_SEED_START` the first (default 0). `deploy/prove.sh --only daemon` runs
/// more of them in a release build; a single one is run by
///
///     DAEMON_SEED_START=4711 DAEMON_SEEDS=1 swift test --filter DaemonSimulationTests
@Suite struct DaemonSimulationTests {
  private static let seeds: Range<UInt64> = {
    let start = number("DAEMON_SEED_START") ?? 0
    return start..<start + (number("DAEMON_SEEDS") ?? 1000)
  }()

  private static func number(_ variable: String) -> UInt64? {
    getenv(variable).flatMap { UInt64(String(cString: $0)) }
  }

  /// The number of cases, each a part of the seeds.
  private static let parts = 4 * max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

  @Test(arguments: 0..<parts)
  func `every job ends as the provider's last word says`(_ part: Int) throws {
    let run = try SeededRun()
    for seed in Self.seeds where seed % UInt64(Self.parts) == part {
      let result = try run.run(seed)
      if let problem = result.problem { Issue.record("\(problem)") }
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
    for occurrence in Occurrence.allCases where !Self.onlyOfReceiver.contains(occurrence) {
      #expect(total[occurrence] > 0, "\(occurrence)")
    }
  }

  // MARK: - The checks can fail

  @Test(arguments: PlantedFault.allCases)
  func `a planted fault is found within a hundred seeds`(_ fault: PlantedFault) throws {
    let run = try SeededRun(planting: fault)
    var problems: [String] = []
    for seed in 0..<100 as Range<UInt64> {
      guard let problem = try run.run(seed, hasFault: true).problem else { continue }
      if problem.contains(fault.problem) { return }
      problems.append(problem)
    }
    Issue.record("not found; instead: \(problems)")
  }

  private static let onlyOfReceiver: Set<Occurrence> = [.refusal, .unanswered]
}

extension SeededRun {
  fileprivate func run(_ seed: UInt64, hasFault: Bool = false) throws -> Result {
    try run(seed) { seed, disk, database, signing in
      DaemonSimulation(
        seed: seed, disk: disk, database: database, signing: signing, hasFault: hasFault)
    }
  }
}
