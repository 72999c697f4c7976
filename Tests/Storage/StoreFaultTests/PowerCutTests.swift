import Glibc
import Simulation
import Testing

/// Acknowledged deliveries survive a power failure at any moment.
@Suite struct PowerCutTests {
  private static let cutsPerWorkload = 10

  /// The environment variable STORE_POWER_CUTS sets the number of cuts.
  private static let workloads =
    (getenv("STORE_POWER_CUTS").flatMap { Int(String(cString: $0)) } ?? 60) / cutsPerWorkload

  @Test(arguments: 0..<UInt64(max(1, workloads)))
  func noAcknowledgedDeliveryIsLost(_ seed: UInt64) throws {
    let workload = try Workload(seed: seed, batches: 30, hasFaults: seed % 2 == 1)
    var generator = SeededGenerator(seed: seed)
    for number in 0..<Self.cutsPerWorkload {
      let cut = Int.random(in: 0...workload.events.count, using: &generator)
      let cutSeed = seed &* 1000 &+ UInt64(number)
      let problem = try workload.problem(cutAt: cut, seed: cutSeed)
      #expect(problem == nil, "workload \(seed), cut \(cutSeed) after \(cut) of \(workload.events.count)")
    }
  }

  /// The second cut may happen while the store recovers from the first.
  @Test(arguments: 0..<UInt64(max(1, workloads)))
  func noAcknowledgedDeliveryIsLostInASecondCut(_ seed: UInt64) throws {
    let first = try Workload(seed: seed, batches: 12, hasFaults: seed % 2 == 1)
    var generator = SeededGenerator(seed: seed)
    for number in 0..<Self.cutsPerWorkload / 2 {
      let seeds = (seed &* 1000 &+ UInt64(number), seed &* 1000 &+ UInt64(number) &+ 500)
      let cut = Int.random(in: 0...first.events.count, using: &generator)
      let remains = try first.remains(cutAt: cut, seed: seeds.0)
      let second = try Workload(seed: seeds.1, batches: number, hasFaults: false, from: remains)
      let nextCut = Int.random(in: 0...second.events.count, using: &generator)
      let problem = try second.problem(
        cutAt: nextCut, seed: seeds.1, fault: "second power cut while mending the first")
      #expect(problem == nil, "workload \(seed), cut \(seeds.0) after \(cut), \(seeds.1) after \(nextCut)")
    }
  }

  /// Proves that the tests above can fail.
  @Test func withoutSyncsDeliveriesAreLost() throws {
    let workload = try Workload(seed: 0, batches: 30, hasFaults: false)
    let problems = try (0..<10).compactMap { number in
      try workload.problem(
        cutAt: workload.events.count - Int(number), seed: UInt64(number), honouringSyncs: false, fault: nil)
    }
    #expect(!problems.isEmpty)
  }
}
