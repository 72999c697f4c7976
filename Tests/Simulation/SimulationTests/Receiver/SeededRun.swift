@testable import Daemon
import FaultyDisk
import Replicate
import Simulation
import Store

/// Successive simulations on one disk, which is formatted for each.
final class SeededRun {
  private var disk: MemoryDisk
  /// Disks of failed simulations, which may still have open files.
  private var abandoned: [MemoryDisk] = []
  private let database: [UInt8]
  private let signing: Signing

  struct Result: Equatable {
    /// The first violation; nil if there is none.
    var problem: String?
    /// Equal for equal runs.
    let trace: UInt64
    let counts: Counts
  }

  init() throws {
    disk = try MemoryDisk()
    disk.format(holding: nil)
    do {
      let writer = try StoreWriter(path: disk.path, busyTimeout: 0)
      _ = try JobToken(storedBy: writer, newKey: Incarnation.tokenKey)
      try writer.checkpointAndTruncate()
    }
    database = disk.database
    signing = try Signing()
  }

  func run(_ seed: UInt64, flaw: ReceiverSimulation.Flaw? = nil) throws -> Result {
    weak var remains: ReceiverSimulation?
    var result: Result
    do {
      let simulation = try ReceiverSimulation(
        seed: seed, disk: disk, database: database, signing: signing, flaw: flaw)
      remains = simulation
      result = try run(simulation)
    }
    // A million leaked simulations would fill the memory.
    if result.problem == nil && remains != nil { result.problem = "the simulation is not freed" }
    result.problem = result.problem.map { "seed \(seed): \($0)" }
    return result
  }

  private func run(_ simulation: ReceiverSimulation) throws -> Result {
    simulation.run()
    var trace = simulation.kernel.trace
    trace.add(.note, UInt64(disk.changeCount), simulation.random.next())
    if simulation.problem != nil {
      abandoned.append(disk)
      disk = try MemoryDisk()
    }
    return Result(problem: simulation.problem, trace: trace.value, counts: simulation.counts)
  }
}
