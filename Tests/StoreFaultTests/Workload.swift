import FaultyDisk
import Jobs
import Simulation
import Store
@testable import Time

/// Batches of deliveries as a busy hour brings them: lives that overlap, copies, ids that come back with another body.
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
  ///   - bodySizes: some take a part of a page, some several pages.
  ///   - start: the receipts come later, in milliseconds; their ids are made of it.
  init(seed: UInt64, bodySizes: [Int] = [10, 300, 2000, 9000], startingAt start: Int64 = 0) {
    generator = SeededGenerator(seed: seed)
    self.bodySizes = bodySizes
    clock = start
  }

  /// One to nine deliveries.
  mutating func batch() -> [Delivery] {
    (0..<Int.random(in: 1...9, using: &generator)).map { _ in next() }
  }

  /// The same as a sender sends it again: at another time.
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

  /// Not a hash, only one for each time.
  private static func digest(_ clock: Int64) -> BodyDigest {
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: clock >> (8 * $0)) }
    guard let digest = BodyDigest(bytes: bytes + Array(repeating: 0, count: 24)) else {
      preconditionFailure("32 bytes")
    }
    return digest
  }
}

/// A store at work on a faulty disk, and the record of it.
struct Workload {
  private let beginning: Beginning
  let events: [DiskEvent]
  private let attempts: [Attempt]

  /// Commits, checkpoints, and now and then begins anew.
  ///
  /// - Parameter hasFaults: now and then a sync or a write fails once; what was refused is sent again.
  init(seed: UInt64, batches: Int, hasFaults: Bool, from beginning: Beginning = .nothing) throws {
    let disk = try FaultyDisk(holding: beginning.files)
    var generator = SeededGenerator(seed: seed &* 31 &+ 7)
    var deliveries = Deliveries(seed: seed, startingAt: beginning.end)
    var attempts = [beginning.attempt]
    var writer: StoreWriter? = try StoreWriter(path: disk.path)
    var refused: [Delivery] = []
    for _ in 0..<batches {
      switch Int.random(in: 0..<24, using: &generator) {
      case 0...3:
        let checkpointer = try StoreCheckpointer(path: disk.path)
        _ = try checkpointer.checkpoint()
        if Bool.random(using: &generator) { try checkpointer.syncDatabase() }
      case 4: _ = try writer?.checkpoint()
      case 5: try writer?.checkpointAndTruncate()
      case 6:
        // The old one first: its end moves the log into the database and removes it.
        writer = nil
        writer = try StoreWriter(path: disk.path)
      default: break
      }
      if hasFaults && generator.happens(onceIn: 5) { disk.arm(Self.fault(&generator)) }
      let batch = deliveries.again(refused) + deliveries.batch()
      let start = disk.eventCount
      let isAcknowledged = (try? writer?.commit(batch)) != nil
      disk.heal()
      attempts.append(
        Attempt(deliveries: batch, start: start, end: disk.eventCount, isAcknowledged: isAcknowledged))
      refused = isAcknowledged ? [] : batch
    }
    writer = nil
    events = disk.record()
    self.attempts = attempts
    self.beginning = beginning
  }

  private static func fault(_ generator: inout SeededGenerator) -> Fault {
    Bool.random(using: &generator)
      ? Fault(call: .sync, code: 10)
      : Fault(call: .write, first: Int.random(in: 1...8, using: &generator), code: 13)
  }

  /// What is wrong with what the disk holds after `cut` events; nil where nothing is.
  ///
  /// - Parameter fault: under what the result is written down; nil for one that may fail.
  func problem(
    cutAt cut: Int, seed: UInt64, honouringSyncs: Bool = true, fault: String? = "power cut"
  ) throws -> String? {
    let disk = try FaultyDisk(holding: files(cutAt: cut, seed: seed, honouringSyncs: honouringSyncs))
    return Verdict.problem(with: disk.path, after: attempts, cutAt: cut, fault: fault)
  }

  /// What the disk holds after `cut` events, and the deliveries that a store finds there.
  func remains(cutAt cut: Int, seed: UInt64) throws -> Beginning {
    let files = files(cutAt: cut, seed: seed)
    let disk = try FaultyDisk(holding: files)
    _ = try StoreWriter(path: disk.path)
    let found = try Model(try StoreReader(path: disk.path)).deliveries
    return Beginning(
      files: files,
      deliveries: attempts.flatMap(\.deliveries).filter { found.contains($0.receivedAt) })
  }

  private func files(cutAt cut: Int, seed: UInt64, honouringSyncs: Bool = true) -> [String: [UInt8]] {
    var powerCut = PowerCut(seed: seed, files: beginning.files)
    powerCut.honoursSyncs = honouringSyncs
    var files = powerCut.files(after: events[..<cut])
    // SQLite may find the shared memory of before, which means nothing any more.
    if seed.isMultiple(of: 2) { files["jobs.db-shm"] = Array(repeating: UInt8(seed % 251), count: 32_768) }
    return files
  }
}
