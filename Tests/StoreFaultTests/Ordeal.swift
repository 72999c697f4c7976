import FaultyDisk
import Jobs
import Store

/// Everything that the daemon does with its store, on a disk of which some call fails.
final class Ordeal {
  /// What the disk holds before, and how it came there.
  struct Beginning {
    var files: [String: [UInt8]] = [:]
    var deliveries: [Delivery] = []

    static let nothing = Beginning()

    /// A database and a log that a killed process left.
    static func killed() throws -> Beginning {
      let disk = try FaultyDisk()
      var deliveries = Deliveries(seed: 99, bodySizes: [10, 300, 5000])
      var beginning = Beginning()
      let writer = try StoreWriter(path: disk.path)
      for number in 0..<8 {
        let batch = deliveries.batch()
        _ = try writer.commit(batch)
        beginning.deliveries += batch
        if number == 4 { _ = try writer.checkpoint() }
      }
      beginning.files = disk.files()
      return beginning
    }
  }

  private let beginning: Beginning
  private let disk: FaultyDisk
  private var deliveries = Deliveries(seed: 100, bodySizes: [10, 10, 300, 5000])
  private var attempts: [Attempt] = []
  private var writer: StoreWriter?

  init(_ beginning: Beginning) throws {
    self.beginning = beginning
    disk = try FaultyDisk(holding: beginning.files)
    attempts.append(
      Attempt(deliveries: beginning.deliveries, start: 0, end: 0, isAcknowledged: true))
    // Times and ids that are not those of the beginning.
    while deliveries.clock <= 1000 + Int64(beginning.deliveries.count) { _ = deliveries.batch() }
  }

  /// - Returns: how many calls failed.
  func work(_ fault: Fault) -> Int {
    disk.arm(fault)
    commit()
    // What a checkpoint cannot move stays in the log.
    _ = try? StoreCheckpointer(path: disk.path).checkpoint()
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
    if let problem = Verdict.problem(with: killed.path, after: attempts, cutAt: now) {
      return "had the process been killed: \(problem)"
    }
    var powerCut = PowerCut(seed: UInt64(now), files: beginning.files)
    let restarted = try FaultyDisk(holding: powerCut.files(after: disk.record()[...]))
    if let problem = Verdict.problem(with: restarted.path, after: attempts, cutAt: now) {
      return "had the power gone: \(problem)"
    }
    if let failure = commit() { return "the next commit fails: \(failure)" }
    writer = nil
    return Verdict.problem(with: disk.path, after: attempts, cutAt: .max).map { "after the end: \($0)" }
  }

  /// While the process lives, nobody sees anything of a batch that was refused.
  private func problemForReaders() throws -> String? {
    guard writer != nil else { return nil }
    let acknowledged = attempts.filter(\.isAcknowledged).flatMap(\.deliveries)
    let found = try Model(try StoreReader(path: disk.path))
    return found.jobs == Model(acknowledged).jobs ? nil : "jobs differ from the model"
  }
}
