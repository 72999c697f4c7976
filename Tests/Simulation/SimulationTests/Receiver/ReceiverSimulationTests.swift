import FaultyDisk
import Glibc
import Testing

/// The whole receiver on a simulated kernel, clock and disk.
///
/// A seed decides each run. A seed that fails here gets a test of its own. `RECEIVER_SEEDS` sets how many
/// seeds are run (default 1000), and `RECEIVER_SEED_START` the first (default 0). A million, in a release
/// build with progress, are run by `deploy/prove.sh --only simulation`; a single one by
///
///     RECEIVER_SEED_START=4711 RECEIVER_SEEDS=1 swift test --filter ReceiverSimulationTests
@Suite struct ReceiverSimulationTests {
  private static let seeds: Range<UInt64> = {
    let start = number("RECEIVER_SEED_START") ?? 0
    return start..<start + (number("RECEIVER_SEEDS") ?? 1000)
  }()

  private static func number(_ variable: String) -> UInt64? {
    getenv(variable).flatMap { UInt64(String(cString: $0)) }
  }

  /// The number of cases, each a part of the seeds.
  ///
  /// Several for each processor keep all of them busy to the end.
  private static let parts = 4 * max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

  @Test(arguments: 0..<parts)
  func everyAcknowledgedDeliveryIsStored(_ part: Int) async throws {
    let run = try SeededRun()
    var progress = Progress()
    for seed in Self.seeds where seed % UInt64(Self.parts) == part {
      let result = try run.run(seed)
      progress.add(result)
      // The problem names the seed, which replays exactly.
      if let problem = result.problem { Issue.record("\(problem)") }
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

    mutating func add(_ result: SeededRun.Result) {
      simulations += 1
      acknowledged += result.counts[.acknowledgement]
      if result.problem?.contains("is not stored") == true { lost += 1 }
      guard simulations == 1000 else { return }
      note()
      self = Progress()
    }

    func note() {
      guard simulations > 0 else { return }
      ProofRecord.note(
        "simulation", rounds: simulations, acknowledged: acknowledged, lost: lost, appliedTwice: 0)
    }
  }

  /// Seeds that failed once.
  ///
  /// - 7706: the process crashes once more while the last delivery is in flight, and is away for nearly eight
  ///   seconds.
  /// - 402684: the power is cut at the end, and a reader alone cannot recover the database.
  /// - 734264, 836723, 979106: the process crashes between a commit's write and its sync. The next one shows
  ///   what it finds in the WAL, and then the power is cut.
  @Test(arguments: [7706, 402_684, 734_264, 836_723, 979_106] as [UInt64])
  func aSeedThatFailedOnceFailsNoMore(_ seed: UInt64) throws {
    #expect(try SeededRun().run(seed).problem == nil)
  }

  @Test(arguments: [0, 1, 2, 3, 4, 5, 6, 7] as [UInt64])
  func aSeedReplaysExactly(_ seed: UInt64) throws {
    let first = try SeededRun().run(seed)
    let run = try SeededRun()
    _ = try run.run(seed &+ 100)
    #expect(try run.run(seed) == first)
    #expect(try run.run(seed + 1).trace != first.trace)
  }

  private static let occurrences: [Occurrence] = [
    .crash, .diskCrash, .powerCut, .cleanShutdown, .failedStart, .acknowledgement, .duplicate, .refusal,
    .unanswered, .observation, .streamedNumber,
  ]

  @Test func everyKindOfEventOccurs() throws {
    let run = try SeededRun()
    let total = try (0..<100 as Range<UInt64>).reduce(Counts()) { try $0 + run.run($1).counts }
    for occurrence in Self.occurrences { #expect(total[occurrence] > 0, "\(occurrence)") }
    #expect(total[.acknowledgement] > 300 && total[.crash] > 50 && total[.powerCut] > 20)
  }

  // MARK: - The checks can fail

  @Test func theCheckNoticesAnAcknowledgementBeforeItsCommit() throws {
    let noticed = try firstProblem(with: .acknowledgesBeforeCommit) { $0.contains("is not stored") }
    #expect(noticed != nil)
  }

  @Test func theCheckNoticesADiskThatLies() throws {
    #expect(try firstProblem(with: .losesSyncs) { _ in true } != nil)
  }

  private func firstProblem(with flaw: ReceiverSimulation.Flaw, that matches: (String) -> Bool) throws
    -> String?
  {
    let run = try SeededRun()
    for seed in 0..<300 as Range<UInt64> {
      if let problem = try run.run(seed, flaw: flaw).problem, matches(problem) { return problem }
    }
    return nil
  }
}

extension SeededRun {
  fileprivate func run(_ seed: UInt64, flaw: ReceiverSimulation.Flaw? = nil) throws -> Result {
    try run(seed) { seed, disk, database, signing in
      try ReceiverSimulation(seed: seed, disk: disk, database: database, signing: signing, flaw: flaw)
    }
  }
}
