import Ledger
import FaultyDisk
import Jobs
import SQLite
import Simulation
import StoreSeam
@testable import SQLiteStore
@testable import Time

/// Random batches of deliveries, as in a busy hour.
///
/// Predictions overlap, deliveries repeat, and webhook ids return with another body.
struct Deliveries {
  private var generator: SeededGenerator
  private var clock: Int64
  private var lives: [Life] = []
  private var sent: [Delivery] = []

  private struct Life {
    let predictionID: String
    var step = 0
  }

  private let bodySizes: [Int]

  /// - Parameters:
  ///   - bodySizes: less than a page for some, several pages for others.
  ///   - start: all receipts are later, in milliseconds. Webhook ids derive from the time of receipt.
  init(seed: UInt64, bodySizes: [Int] = [10, 300, 2000, 9000], startingAt start: Int64 = 0) {
    generator = SeededGenerator(seed: seed)
    self.bodySizes = bodySizes
    clock = start
  }

  /// One to nine deliveries.
  mutating func batch() -> [Delivery] {
    (0..<Int.random(in: 1...9, using: &generator)).map { _ in next() }
  }

  /// Redelivers `deliveries`, at other times.
  mutating func again(_ deliveries: [Delivery]) -> [Delivery] {
    deliveries.map { delivery in
      clock += 1
      return Delivery(
        webhookID: delivery.webhookID, receivedAt: Timestamp(milliseconds: clock),
        snapshot: delivery.snapshot, body: delivery.body)
    }
  }

  private mutating func next() -> Delivery {
    if generator.happens(onceIn: 6), let known = sent.randomElement(using: &generator) {
      return again([known])[0]
    }
    let repeatedID = generator.happens(onceIn: 20) ? sent.randomElement(using: &generator)?.webhookID : nil
    if lives.isEmpty || generator.happens(onceIn: 4) {
      lives.append(Life(predictionID: "p\(lives.count)"))
    }
    let index = Int.random(in: max(0, lives.count - 8)..<lives.count, using: &generator)
    defer { lives[index].step += 1 }
    let delivery = delivery(of: lives[index], id: repeatedID)
    sent.append(delivery)
    return delivery
  }

  private mutating func delivery(of life: Life, id: String?) -> Delivery {
    clock += 1
    let (status, phase): (String, Phase?) =
      switch life.step {
      case 0: ("starting", .pending)
      case 4 where generator.happens(onceIn: 3): ("hibernating", nil)
      case 5...: Bool.random(using: &generator) ? ("succeeded", .succeeded) : ("failed", .failed)
      default: ("processing", .running)
      }
    let size = bodySizes.randomElement(using: &generator) ?? 0
    let body = Array("\(life.predictionID) \(status) \(clock) ".utf8) + Array(repeating: 0x2E, count: size)
    return Delivery(
      webhookID: id ?? "w\(clock)", receivedAt: Timestamp(milliseconds: clock),
      snapshot: Snapshot(
        predictionID: life.predictionID, providerStatus: status, phase: phase, model: "owner/model",
        error: phase == .failed ? JobError(code: "unknown", message: "é") : nil,
        createdAt: Timestamp(milliseconds: 5),
        evidence: Evidence(logsSize: life.step, outputSize: 0, digest: Self.digest(clock))),
      body: body)
  }

  /// A digest that is unique per time, not a hash.
  private static func digest(_ clock: Int64) -> BodyDigest {
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: clock >> (8 * $0)) }
    guard let digest = BodyDigest(bytes: bytes + Array(repeating: 0, count: 24)) else {
      preconditionFailure("32 bytes")
    }
    return digest
  }
}

/// A store under load on a faulty disk, with the disk's record.
struct Workload {
  private let initial: InitialDisk
  let events: [DiskEvent]
  private let attempts: [Attempt]

  /// Commits and checkpoints, and reopens the store now and then.
  ///
  /// - Parameter hasFaults: now and then a sync or a write fails once; rejected batches are redelivered.
  init(seed: UInt64, batches: Int, hasFaults: Bool, from initial: InitialDisk = .nothing) throws {
    let disk = try FaultyDisk(holding: initial.files)
    var generator = SeededGenerator(seed: seed &* 31 &+ 7)
    var deliveries = Deliveries(seed: seed, startingAt: initial.end)
    var attempts = [initial.attempt]
    var writer: SQLiteStore? = try SQLiteStore(path: disk.path)
    var refused: [Delivery] = []
    for _ in 0..<batches {
      switch Int.random(in: 0..<24, using: &generator) {
      case 0...3:
        let checkpointer = try DatabaseCheckpointer(path: disk.path)
        _ = try checkpointer.checkpoint()
        if Bool.random(using: &generator) { try checkpointer.syncDatabase() }
      case 4: _ = try writer?.checkpoint()
      case 5: try writer?.finish()
      case 6:
        // The old writer first, because closing it checkpoints the WAL and deletes it.
        writer = nil
        writer = try SQLiteStore(path: disk.path)
      default: break
      }
      if hasFaults && generator.happens(onceIn: 5) { disk.arm(Self.fault(&generator)) }
      let batch = deliveries.again(refused) + deliveries.batch()
      let start = disk.eventCount
      let isAcknowledged = (try? writer.map { try Ledger(store: $0).commit(batch) }) != nil
      disk.heal()
      attempts.append(
        Attempt(deliveries: batch, start: start, end: disk.eventCount, isAcknowledged: isAcknowledged))
      refused = isAcknowledged ? [] : batch
    }
    writer = nil
    events = disk.record()
    self.attempts = attempts
    self.initial = initial
  }

  private static func fault(_ generator: inout SeededGenerator) -> Fault {
    Bool.random(using: &generator)
      ? Fault(call: .sync, code: 10)
      : Fault(call: .write, first: Int.random(in: 1...8, using: &generator), code: 13)
  }

  /// The first problem of the disk after `cut` events. Nil for none.
  ///
  /// - Parameter fault: the name under which the result is recorded; nil for a check that may fail.
  func problem(
    cutAt cut: Int, seed: UInt64, honouringSyncs: Bool = true, fault: String? = "power cut"
  ) throws -> String? {
    let disk = try FaultyDisk(holding: files(cutAt: cut, seed: seed, honouringSyncs: honouringSyncs))
    return DurabilityCheck.problem(with: disk.path, after: attempts, cutAt: cut, fault: fault)
  }

  /// The disk after `cut` events, with the deliveries on it.
  func remains(cutAt cut: Int, seed: UInt64) throws -> InitialDisk {
    let files = files(cutAt: cut, seed: seed)
    let disk = try FaultyDisk(holding: files)
    _ = try SQLiteStore(path: disk.path)
    let found = try Model(try SQLiteReader(path: disk.path)).deliveries
    return InitialDisk(
      files: files,
      deliveries: attempts.flatMap(\.deliveries).filter { found.contains($0.receivedAt) })
  }

  private func files(cutAt cut: Int, seed: UInt64, honouringSyncs: Bool = true) -> [String: [UInt8]] {
    var powerCut = PowerCut(seed: seed, files: initial.files)
    powerCut.honoursSyncs = honouringSyncs
    var files = powerCut.files(after: events[..<cut])
    // SQLite may find the old shared memory, which it must ignore.
    if seed.isMultiple(of: 2) { files["jobs.db-shm"] = Array(repeating: UInt8(seed % 251), count: 32_768) }
    return files
  }
}
