import FaultyDisk
import Simulation
import Store

/// Worlds one after the other, on one disk that is formatted for each.
final class SeededRun {
  private var disk: MemoryDisk
  /// A world that failed may still have files open, and tasks that wait.
  private var abandoned: [MemoryDisk] = []
  private let database: [UInt8]

  struct Result: Equatable {
    /// What is wrong; nil where nothing is.
    let problem: String?
    /// The same for the same run.
    let trace: UInt64
    let tally: Tally
  }

  init() throws {
    disk = try MemoryDisk()
    disk.format(holding: nil)
    do { try StoreWriter(path: disk.path, busyTimeout: 0).checkpointAndTruncate() }
    database = disk.database
  }

  func run(_ seed: UInt64, flaw: World.Flaw? = nil) throws -> Result {
    let world = try World(seed: seed, disk: disk, database: database, flaw: flaw)
    world.run()
    var trace = world.kernel.trace
    trace.add(.note, UInt64(disk.changeCount), world.random.next())
    if world.problem != nil {
      abandoned.append(disk)
      disk = try MemoryDisk()
    }
    return Result(
      problem: world.problem.map { "seed \(seed): \($0)" }, trace: trace.value, tally: world.tally)
  }
}
