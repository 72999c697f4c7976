import Glibc
import Simulation
import Testing

/// The power goes at any moment: what was acknowledged is there, whole and readable.
@Suite struct PowerCutTests {
  private static let cutsPerWorkload = 10

  /// STORE_POWER_CUTS asks for more or fewer.
  private static let workloads =
    (getenv("STORE_POWER_CUTS").flatMap { Int(String(cString: $0)) } ?? 60) / cutsPerWorkload

  @Test(arguments: 0..<UInt64(max(1, workloads)))
  func nothingThatWasAcknowledgedIsLost(_ seed: UInt64) throws {
    let workload = try Workload(seed: seed, batches: 30, hasFaults: seed % 2 == 1)
    var generator = SeededGenerator(seed: seed)
    for number in 0..<Self.cutsPerWorkload {
      let cut = Int.random(in: 0...workload.events.count, using: &generator)
      let cutSeed = seed &* 1000 &+ UInt64(number)
      let problem = try workload.problem(cutAt: cut, seed: cutSeed)
      #expect(problem == nil, "workload \(seed), cut \(cutSeed) after \(cut) of \(workload.events.count)")
    }
  }

  /// Shows that the test above can fail.
  @Test func withoutSyncsSomethingIsLost() throws {
    let workload = try Workload(seed: 0, batches: 30, hasFaults: false)
    let problems = try (0..<10).compactMap { number in
      try workload.problem(
        cutAt: workload.events.count - Int(number), seed: UInt64(number), honouringSyncs: false)
    }
    #expect(!problems.isEmpty)
  }
}
