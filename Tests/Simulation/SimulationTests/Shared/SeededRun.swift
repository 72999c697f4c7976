import Ledger
@testable import Daemon
import FaultyDisk
import JobsAPI
import Replicate
import Simulation
import StoreSeam
import SQLiteStore

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

  /// - Parameter fault: the SQL of a fault that is planted in the database.
  init(planting fault: String? = nil) throws {
    disk = try MemoryDisk()
    disk.format(holding: nil)
    do {
      let store = try SQLiteStore(
        path: disk.path, busyTimeout: 0, tables: Capabilities.tables, newEpoch: Incarnation.epoch)
      _ = try JobToken(storedBy: Ledger(store: store), newKey: Incarnation.tokenKey)
      _ = try StoredKeys(storedBy: Ledger(store: store), newKey: Incarnation.tokenKey)
      if let fault { PlantedFault.plant(fault, in: disk.path) }
      try store.finish()
    }
    database = disk.database
    signing = try Signing()
  }

  /// Runs the simulation that `make` returns for a seed, a disk and an empty database.
  func run(
    _ seed: UInt64, _ make: (UInt64, MemoryDisk, [UInt8], Signing) throws -> MachineSimulation
  ) throws -> Result {
    weak var remains: MachineSimulation?
    var result: Result
    do {
      let simulation = try make(seed, disk, database, signing)
      remains = simulation
      result = try run(simulation)
    }
    // A million leaked simulations would fill the memory.
    if result.problem == nil && remains != nil { result.problem = "the simulation is not freed" }
    result.problem = result.problem.map { "seed \(seed): \($0)" }
    return result
  }

  private func run(_ simulation: MachineSimulation) throws -> Result {
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
