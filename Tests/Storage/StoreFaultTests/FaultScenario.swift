import Ledger
import FaultyDisk
import Jobs
import SQLite
import StoreSeam
@testable import SQLiteStore

/// All store operations of the daemon, on a disk with failing calls.
final class FaultScenario {
  private let initial: InitialDisk
  private let disk: FaultyDisk
  private var deliveries: Deliveries
  private var attempts: [Attempt] = []
  private var store: SQLiteStore?

  init(_ initial: InitialDisk) throws {
    self.initial = initial
    disk = try FaultyDisk(holding: initial.files)
    attempts.append(initial.attempt)
    deliveries = Deliveries(
      seed: 100, bodySizes: [10, 10, 300, 5000], startingAt: initial.end)
  }

  /// Commits and checkpoints while `fault` is armed.
  ///
  /// - Returns: the number of failed calls.
  func work(_ fault: Fault) -> Int {
    disk.arm(fault)
    commit()
    // Pages that a checkpoint cannot copy stay in the WAL.
    let checkpointer = try? DatabaseCheckpointer(path: disk.path)
    _ = try? checkpointer?.checkpoint()
    try? checkpointer?.syncDatabase()
    commit()
    _ = try? store?.checkpoint()
    commit()
    try? store?.finish()
    commit()
    return disk.heal()
  }

  /// Closes the writer with commits in the WAL, without ``SQLiteStore/finish()``.
  ///
  /// - Returns: the number of failed calls.
  func end(_ fault: Fault) -> Int {
    commit()
    disk.arm(fault)
    store = nil
    return disk.heal()
  }

  @discardableResult
  private func commit() -> (any Error)? {
    let batch = deliveries.batch()
    let start = disk.eventCount
    var failure: (any Error)?
    do {
      let store = try store ?? SQLiteStore(path: disk.path, busyTimeout: 0)
      self.store = store
      _ = try Ledger(store: store).commit(batch)
    } catch {
      failure = error
    }
    attempts.append(
      Attempt(deliveries: batch, start: start, end: disk.eventCount, isAcknowledged: failure == nil))
    return failure
  }

  /// The first problem found once the fault is gone. Nil for none.
  func problem() throws -> String? {
    if let problem = try problemForReaders() { return "for a reader: \(problem)" }
    let now = disk.eventCount
    let killed = try FaultyDisk(holding: disk.files())
    if let problem = DurabilityCheck.problem(
      with: killed.path, after: attempts, cutAt: now, fault: "failing disk, then a kill")
    {
      return "had the process been killed: \(problem)"
    }
    var powerCut = PowerCut(seed: UInt64(now), files: initial.files)
    let restarted = try FaultyDisk(holding: powerCut.files(after: disk.record()[...]))
    if let problem = DurabilityCheck.problem(
      with: restarted.path, after: attempts, cutAt: now, fault: "failing disk, then a power cut")
    {
      return "had the power gone: \(problem)"
    }
    if let failure = commit() { return "the next commit fails: \(failure)" }
    store = nil
    return DurabilityCheck.problem(
      with: disk.path, after: attempts, cutAt: .max, fault: "failing disk, then well again"
    ).map { "after the end: \($0)" }
  }

  /// Checks that no reader sees a rejected batch while the process lives.
  private func problemForReaders() throws -> String? {
    guard store != nil else { return nil }
    let acknowledged = attempts.filter(\.isAcknowledged).flatMap(\.deliveries)
    let found = try Model(try SQLiteReader(path: disk.path))
    return found.jobs == Model(acknowledged).jobs ? nil : "jobs differ from the model"
  }
}
