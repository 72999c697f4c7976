import Glibc
import Testing

/// Workflows on a simulated kernel, clock and disk, with a simulated provider.
///
/// A seed decides each run. `WORKFLOW_SEEDS` sets how many seeds are run (default 1000), and
/// `WORKFLOW_SEED_START` the first (default 0). A single one is run by
///
///     WORKFLOW_SEED_START=4711 WORKFLOW_SEEDS=1 swift test --filter WorkflowSimulationTests
@Suite struct WorkflowSimulationTests {
  private static let firstSeed = number("WORKFLOW_SEED_START") ?? 0
  private static let seeds = number("WORKFLOW_SEEDS") ?? 1000

  private static func number(_ variable: String) -> UInt64? {
    getenv(variable).flatMap { UInt64(String(cString: $0)) }
  }

  /// The number of cases, each a part of the seeds.
  private static let parts = 4 * UInt64(max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  @Test(arguments: 0..<parts)
  func `every workflow ends as the naive evaluator does`(_ part: UInt64) async throws {
    let run = try SeededRun()
    for number in stride(from: part, to: Self.seeds, by: Int(Self.parts)) {
      let result = try run.graph(Self.firstSeed + number)
      // The problem names the seed, which replays exactly.
      if let problem = result.problem { Issue.record("\(problem)") }
      // Other tests share the threads.
      await Task.yield()
    }
  }

  @Test(arguments: [0, 1, 2, 3] as [UInt64])
  func `a seed of workflows replays exactly`(_ seed: UInt64) throws {
    let first = try SeededRun().graph(seed)
    let run = try SeededRun()
    _ = try run.graph(seed &+ 100)
    #expect(try run.graph(seed) == first)
  }

  @Test func `every kind of event occurs to workflows`() throws {
    let run = try SeededRun()
    let total = try (0..<60 as Range<UInt64>).reduce(Counts()) { try $0 + run.graph($1).counts }
    for occurrence in Self.occurrences { #expect(total[occurrence] > 0, "\(occurrence)") }
  }

  /// A trigger that undoes what a rule of workflows has written, and a part of the problem.
  private static let faults = [
    ("BEFORE INSERT ON workflow_steps WHEN NEW.state = 'succeeded'", "waits past its deadline"),
    ("BEFORE INSERT ON callbacks", "a callback waits past its deadline"),
    ("BEFORE UPDATE OF cancel_requested ON orders", "is created again"),
  ]

  @Test(arguments: faults)
  func `a planted fault of workflows is found within a hundred seeds`(
    _ trigger: String, _ problem: String
  ) async throws {
    let run = try SeededRun(
      planting: "CREATE TRIGGER planted \(trigger) BEGIN SELECT RAISE(IGNORE); END")
    var problems: [String] = []
    for seed in 0..<100 as Range<UInt64> {
      guard let found = try run.graph(seed, hasFault: true).problem else { continue }
      if found.contains(problem) { return }
      problems.append(found)
      await Task.yield()
    }
    Issue.record("not found; instead: \(problems)")
  }

  private static let occurrences: [Occurrence] = [
    .crash, .diskCrash, .powerCut, .cleanShutdown, .duplicate, .unsentCall, .lostCall, .lostAnswer,
    .gatewayError, .throttledCall, .lie, .lostDelivery, .callback, .callbackFault, .cancelCall,
    .acceptedWorkflow, .canceledWorkflow, .resumedWorkflow,
  ]
}

extension SeededRun {
  fileprivate func graph(_ seed: UInt64, hasFault: Bool = false) throws -> Result {
    try run(seed) { seed, disk, database, signing in
      GraphSimulation(
        seed: seed, disk: disk, database: database, signing: signing, hasFault: hasFault)
    }
  }
}
