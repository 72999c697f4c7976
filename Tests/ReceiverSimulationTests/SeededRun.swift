import FaultyDisk
import Simulation
import Store

/// Worlds one after the other, on one disk that is formatted for each.
final class SeededRun {
  private var disk: MemoryDisk
  /// A world that failed may still have files open, and tasks that wait.
  private var abandoned: [MemoryDisk] = []
  private let database: [UInt8]
  private let signing: Signing

  struct Result: Equatable {
    /// What is wrong; nil where nothing is.
    var problem: String?
    /// The same for the same run.
    let trace: UInt64
    let tally: Tally
  }

  init() throws {
    disk = try MemoryDisk()
    disk.format(holding: nil)
    do { try StoreWriter(path: disk.path, busyTimeout: 0).checkpointAndTruncate() }
    database = disk.database
    signing = try Signing()
  }

  func run(_ seed: UInt64, flaw: World.Flaw? = nil) throws -> Result {
    weak var remains: World?
    var result: Result
    do {
      let world = try World(seed: seed, disk: disk, database: database, signing: signing, flaw: flaw)
      remains = world
      result = try run(world)
    }
    // A million of them would fill the memory.
    if result.problem == nil && remains != nil { result.problem = "the world is not given back" }
    result.problem = result.problem.map { "seed \(seed): \($0)" }
    return result
  }

  private func run(_ world: World) throws -> Result {
    world.run()
    var trace = world.kernel.trace
    trace.add(.note, UInt64(disk.changeCount), world.random.next())
    if world.problem != nil {
      abandoned.append(disk)
      disk = try MemoryDisk()
    }
    return Result(problem: world.problem, trace: trace.value, tally: world.tally)
  }
}
