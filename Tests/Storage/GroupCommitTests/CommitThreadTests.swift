import CSQLite
import FaultyDisk
@testable import GroupCommit
import Jobs
import SQLite
import StoreSeam
import SQLiteStore
import Testing

/// A batch of which the store rejects a part.
@Suite struct CommitThreadTests {
  /// Causes for which the store rejects only deliveries of the job "poison".
  enum Poison: String, CaseIterable {
    case constraint = """
      CREATE TRIGGER poison BEFORE INSERT ON deliveries WHEN NEW.webhook_id = 'poison'
      BEGIN SELECT RAISE(ABORT, 'poisoned'); END
      """
    /// Longer than SQLITE_MAX_LENGTH, without ever being in memory.
    case tooLong = """
      CREATE TRIGGER poison BEFORE INSERT ON deliveries WHEN NEW.webhook_id = 'poison'
      BEGIN SELECT length(zeroblob(2147483647)); END
      """
    case strangeRow = "UPDATE jobs SET phase = 'hibernating' WHERE prediction_id = 'poison'"
  }

  @Test(arguments: Poison.allCases, [0, 2, 4])
  func `a rejected delivery does not fail its batch`(_ poison: Poison, _ position: Int) throws {
    let store = try StoreOnFaultyDisk()
    try store.execute(poison.rawValue)
    var batch = (0..<4).map { store.delivery("w\($0)", of: "p\($0)") }
    batch.insert(store.delivery("poison", of: "poison"), at: position)
    #expect(try store.commit(batch).map(\.isSuccess) == (0..<5).map { $0 != position })
    try store.execute("UPDATE jobs SET phase = 'pending' WHERE prediction_id = 'poison'")
    let reader = try SQLiteReader(path: store.disk.path)
    let lost = try (0..<4).count { try reader.job("p\($0)") == nil }
    ProofRecord.note("poisoned batch", acknowledged: 4, lost: lost, appliedTwice: 0)
    #expect(lost == 0)
    #expect(try reader.history(ofJob: "poison", after: 0, limit: 9)?.counts == [.applied: 1])
  }

  /// A bad sector under one job's page, until the fault is healed.
  @Test func `an unreadable page does not fail the batch`() throws {
    let disk = try StoreOnFaultyDisk().disk
    let page = try #require(Self.page(with: StoreUnderTest.marker, in: disk.files()["jobs.db"] ?? []))
    let store = try StoreOnFaultyDisk(on: disk)
    disk.arm(
      Fault(call: .read, isPersistent: true, code: SQLITE_IOERR | 1 << 8, offset: page * Self.pageSize))
    let batch = (0..<4).map { store.delivery("w\($0)", of: $0 == 2 ? "poison" : "p\($0)") }
    #expect(try store.commit(batch).map(\.isSuccess) == [true, true, false, true])
    #expect(disk.heal() > 1)
    #expect(try store.commit(batch).map(\.isSuccess) == [true, true, true, true])
  }

  private static let pageSize = 4096

  /// The number of the first page with `text`, counted from 0.
  private static func page(with text: String, in database: [UInt8]) -> Int? {
    let pages = stride(from: 0, to: database.count, by: pageSize)
    return pages.first { start in
      String(decoding: database[start..<start + pageSize], as: UTF8.self).contains(text)
    }.map { $0 / pageSize }
  }

  @Test func `a full disk fails the batch at once and the next one is committed`() throws {
    let store = try StoreOnFaultyDisk()
    let batch = (0..<20).map { store.delivery("w\($0)", of: "p\($0)") }
    store.disk.arm(Fault(call: .write, isPersistent: true, code: SQLITE_FULL))
    #expect(try store.commit(batch).map(\.isFull) == Array(repeating: true, count: 20))
    #expect(store.failures == 1 && store.isFailing)
    store.disk.heal()
    #expect(try store.commit(batch).map(\.isSuccess) == Array(repeating: true, count: 20))
    #expect(store.failures == 1)
  }

  /// No checkpointer runs, as on a starved machine. Each of two transactions writes 10 MB.
  @Test(arguments: [(4096, 1), (8192, 0), (nil, 0)] as [(pages: Int?, checkpoints: Int)])
  func `the writer checkpoints a WAL of maximum size`(_ pages: Int?, _ checkpoints: Int) throws {
    let store = try StoreOnFaultyDisk(maxWALPages: pages)
    let body = String(repeating: "x", count: 20_000)
    let batch = (0..<1024).map { store.delivery("w\($0)", of: "p\($0)", body: body) }
    #expect(try store.commit(batch).count(where: \.isSuccess) == batch.count)
    #expect(store.checkpoints == checkpoints)
  }

  /// Otherwise each delivery would wait for a lock that another process holds.
  @Test func `the rest of a batch is not tried after a failure of the whole store`() throws {
    let store = try StoreOnFaultyDisk()
    try store.execute(Poison.constraint.rawValue)
    let others = (0..<20).map { store.delivery("w\($0)", of: "p\($0)") }
    store.disk.arm(Fault(call: .write, isPersistent: true, code: SQLITE_FULL))
    let outcomes = try store.commit([store.delivery("poison", of: "poison")] + others)
    #expect(outcomes.map(\.isFull) == [false] + Array(repeating: true, count: 20))
    #expect(!outcomes[0].isSuccess)
    // The batch, its halves down to the poison by itself, and the delivery beside that.
    #expect(store.failures == 6)
  }
}

extension Recorder.Outcome {
  fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
  fileprivate var isFull: Bool { if case .failure(.unavailable(.full)) = self { true } else { false } }
}
