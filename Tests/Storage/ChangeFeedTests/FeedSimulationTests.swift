import StoreFixture
import Testing

@Suite(.everyStore) struct FeedSimulationTests {
  @Test(arguments: 0..<60 as Range<UInt64>)
  func `every reader ends with the newest state of every job`(_ seed: UInt64) throws {
    // A server takes longer for each.
    guard StoreKind.current == .sqlite || seed < 5 else { return }
    let simulation = try FeedSimulation(seed: seed)
    simulation.run()
    #expect(simulation.findings == [])
  }

  /// What the readers have met, so that the test above means something.
  @Test func `the readers meet deletions, expired tombstones and wake-ups`() throws {
    // This and the next test are of the simulation, for which one kind of store will do.
    guard StoreKind.current == .sqlite else { return }
    var counts = FeedSimulation.Counts()
    for seed in 0..<10 as Range<UInt64> {
      let simulation = try FeedSimulation(seed: seed)
      simulation.run()
      counts.deletions += simulation.counts.deletions
      counts.tooOld += simulation.counts.tooOld
      counts.reconnects += simulation.counts.reconnects
      counts.wakes += simulation.counts.wakes
    }
    #expect(counts.deletions > 50)
    #expect(counts.tooOld > 5)
    #expect(counts.reconnects > 50)
    #expect(counts.wakes > 200)
  }

  @Test(arguments: FeedSimulation.Fault.allCases)
  func `a planted fault is found`(_ fault: FeedSimulation.Fault) throws {
    guard StoreKind.current == .sqlite else { return }
    let found = try (0..<60 as Range<UInt64>).contains { seed in
      let simulation = try FeedSimulation(seed: seed, fault: fault)
      simulation.run()
      return !simulation.findings.isEmpty
    }
    #expect(found)
  }
}
