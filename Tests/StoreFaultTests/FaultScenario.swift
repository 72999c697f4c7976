import FaultyDisk
import Jobs
import Store

/// Everything that the daemon does with its store, on a disk of which some call fails.
final class Ordeal {
  private let beginning: Beginning
  private let disk: FaultyDisk
  private var deliveries: Deliveries
  private var attempts: [Attempt] = []
  private var writer: StoreWriter?

  init(_ beginning: Beginning) throws {
    self.beginning = beginning
    disk = try FaultyDisk(holding: beginning.files)
    attempts.append(beginning.attempt)
    deliveries = Deliveries(
      seed: 100, bodySizes: [10, 10, 300, 5000], startingAt: beginning.end)
  }

  /// - Returns: how many calls failed.
  func work(_ fault: Fault) -> Int {
    disk.arm(fault)
    commit()
    // What a checkpoint cannot move stays in the log.
    let checkpointer = try? StoreCheckpointer(path: disk.path)
    _ = try? checkpointer?.checkpoint()
    try? checkpointer?.syncDatabase()
    commit()
    _ = try? writer?.checkpoint()
    commit()
    try? writer?.checkpointAndTruncate()
    commit()
    return disk.heal()
  }

  /// An end with work in the log, without ``StoreWriter/checkpointAndTruncate()`` before.
  ///
  /// - Returns: how many calls failed.
  func end(_ fault: Fault) -> Int {
    commit()
    disk.arm(fault)
    writer = nil
    return disk.heal()
  }

  @discardableResult
  private func commit() -> StoreError? {
    let batch = deliveries.batch()
    let start = disk.eventCount
    var failure: StoreError?
    do throws(StoreError) {
      if writer == nil { writer = try StoreWriter(path: disk.path, busyTimeout: 0) }
      _ = try writer?.commit(batch)
    } catch {
      failure = error
    }
    attempts.append(
      Attempt(deliveries: batch, start: start, end: disk.eventCount, isAcknowledged: failure == nil))
    return failure
  }

  /// What is wrong now that the fault is gone; nil where nothing is.
  func problem() throws -> String? {
    if let problem = try problemForReaders() { return "for a reader: \(problem)" }
    let now = disk.eventCount
    let killed = try FaultyDisk(holding: disk.files())
    if let problem = Verdict.problem(
      with: killed.path, after: attempts, cutAt: now, fault: "failing disk, then a kill")
    {
      return "had the process been killed: \(problem)"
    }
    var powerCut = PowerCut(seed: UInt64(now), files: beginning.files)
    let restarted = try FaultyDisk(holding: powerCut.files(after: disk.record()[...]))
    if let problem = Verdict.problem(
      with: restarted.path, after: attempts, cutAt: now, fault: "failing disk, then a power cut")
    {
      return "had the power gone: \(problem)"
    }
    if let failure = commit() { return "the next commit fails: \(failure)" }
    writer = nil
    return Verdict.problem(
      with: disk.path, after: attempts, cutAt: .max, fault: "failing disk, then well again"
    ).map { "after the end: \($0)" }
  }

  /// While the process lives, nobody sees anything of a batch that was refused.
  private func problemForReaders() throws -> String? {
    guard writer != nil else { return nil }
    let acknowledged = attempts.filter(\.isAcknowledged).flatMap(\.deliveries)
    let found = try Model(try StoreReader(path: disk.path))
    return found.jobs == Model(acknowledged).jobs ? nil : "jobs differ from the model"
  }
}
