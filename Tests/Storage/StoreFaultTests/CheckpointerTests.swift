import Ledger
import CSQLite
import FaultyDisk
import Jobs
import StoreSeam
import SQLite
@testable import SQLiteStore
import Samples
import Synchronization
@testable import System
import Testing
@testable import Time

/// A ``Checkpointer`` on its thread, with a writer on the test's.
@Suite struct CheckpointerTests {
  private let disk: FaultyDisk
  private let store: SQLiteStore
  private let ledger: Ledger
  private let running: Running
  private var checkpointer: Checkpointer { running.checkpointer }

  private final class Running {
    let checkpointer: Checkpointer
    private let count: Count
    private var thread: Thread?
    /// Retained until the thread has ended.
    ///
    /// A test releases its own reference first.
    private let disk: FaultyDisk

    private final class Count: Sendable {
      let succeeded = Atomic(0)
      let failed = Atomic(0)
    }

    init(_ disk: FaultyDisk) {
      self.disk = disk
      let count = Count()
      self.count = count
      checkpointer = Checkpointer(
        observer: CheckpointObserver(
          succeeded: { count.succeeded.add(1, ordering: .relaxed) },
          failed: { _ in count.failed.add(1, ordering: .relaxed) }))
    }

    /// The checkpoints that have succeeded, and those that have failed.
    var checkpoints: Int { count.succeeded.load(ordering: .relaxed) }
    var failures: Int { count.failed.load(ordering: .relaxed) }

    func start() throws {
      let connection = try DatabaseCheckpointer(path: disk.path)
      thread = try Thread(named: "checkpoint") { [checkpointer] in checkpointer.run(connection) }
    }

    deinit { stop() }

    /// Stops the thread after pending requests are done.
    func stop() {
      checkpointer.close()
      thread?.join()
      thread = nil
    }
  }

  init() throws {
    disk = try FaultyDisk()
    running = Running(disk)
    store = try SQLiteStore(path: disk.path, checkpointer: running.checkpointer, maxWALPages: 5000)
    ledger = Ledger(store: store)
    try running.start()
  }

  private func commit(_ number: Int, bodyBytes: Int = 2) throws {
    let snapshot = Snapshot(
      predictionID: "p\(number)", providerStatus: "succeeded", phase: .succeeded,
      evidence: Evidence(logsSize: 0, outputSize: 0, digest: .repeating(1)))
    let delivery = Delivery(
      webhookID: "w\(number)", receivedAt: Timestamp(milliseconds: 1), snapshot: snapshot,
      body: Array(repeating: 0x20, count: bodyBytes))
    #expect(try ledger.commit([delivery]).count == 1)
  }

  /// Requests one checkpoint, and waits for its end.
  private func checkpoint() {
    let before = running.checkpoints
    checkpointer.request()
    let start = MonotonicClock.now
    while running.checkpoints == before, MonotonicClock.now - start < .seconds(30) {}
  }

  @Test func `a busy writer finishes the checkpoint inline`() throws {
    let start = MonotonicClock.now
    var number = 0
    var shouldFinish = false
    while !shouldFinish, MonotonicClock.now - start < .seconds(30) {
      checkpointer.request()
      number += 1
      try commit(number)
      shouldFinish = checkpointer.consumeFinishRequest()
    }
    #expect(shouldFinish)
    running.stop()
    for other in 1...5 { try commit(number + other) }
    #expect(try store.checkpoint().pendingPages == 0)
    let grown = store.walPages
    try commit(number + 6)
    #expect(store.walPages < grown)
  }

  @Test func `an idle writer has nothing to finish`() throws {
    try commit(1)
    checkpoint()
    #expect(!checkpointer.consumeFinishRequest())
    #expect(try store.checkpoint().pendingPages == 0)
  }

  @Test func `the writer's own checkpoint waits for the checkpointer's`() throws {
    for number in 1...1000 {
      checkpointer.request()
      try commit(number)
      let progress = try store.checkpoint()
      // SQLite reports no pages to a connection that is locked out.
      #expect(progress.walPages > 0 && progress.pendingPages == 0)
    }
  }

  @Test func `checkpoints are throttled only while the WAL is short and the daemon runs`() {
    #expect(checkpointer.mayThrottle)
    checkpointer.noteWAL(pages: Checkpointer.urgentPages)
    #expect(!checkpointer.mayThrottle)
    checkpointer.noteWAL(pages: Checkpointer.urgentPages - 1)
    #expect(checkpointer.mayThrottle)
    running.stop()
    checkpointer.noteWAL(pages: 0)
    #expect(!checkpointer.mayThrottle)
  }

  @Test(arguments: [(10, 0), (400, 20)] as [(commits: Int, pauses: Int)])
  func `a checkpoint pauses between few pages`(_ commits: Int, _ pauses: Int) throws {
    running.stop()
    let counted = Atomic(0)
    let store = try DatabaseCheckpointer(path: disk.path) { counted.add(1, ordering: .relaxed) }
    for number in 1...commits { try commit(number, bodyBytes: 2500) }
    let progress = try store.checkpoint()
    #expect(progress.pendingPages == 0)
    #expect(counted.load(ordering: .relaxed) >= pauses)
    #expect(counted.load(ordering: .relaxed) <= progress.walPages / 16)
  }

  @Test func `frames that a reader pins are not left to the writer`() throws {
    try commit(1)
    var reader: OpaquePointer?
    defer { sqlite3_close_v2(reader) }
    try #require(sqlite3_open(disk.path, &reader) == SQLITE_OK)
    try #require(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM jobs", nil, nil, nil) == SQLITE_OK)
    try commit(2)
    checkpoint()
    #expect(!checkpointer.consumeFinishRequest())
    #expect(try store.checkpoint().pendingPages > 0)
    try #require(sqlite3_exec(reader, "COMMIT", nil, nil, nil) == SQLITE_OK)
    #expect(try store.checkpoint().pendingPages == 0)
  }

  @Test func `a failed sync is retried`() throws {
    try commit(1)
    disk.arm(Fault(call: .sync, code: SQLITE_IOERR))
    let start = MonotonicClock.now
    while running.checkpoints == 0, MonotonicClock.now - start < .seconds(30) {
      checkpointer.request()
    }
    running.stop()
    #expect(disk.heal() == 1)
    #expect(running.failures == 1)
    #expect(running.checkpoints > 0)
    #expect(try store.checkpoint().pendingPages == 0)
  }

  /// A checkpoint copies pages in the background, unless the WAL has its maximum size.
  @Test func `maintenance requests a checkpoint for every 16 MiB and makes it itself at the maximum`() throws
  {
    running.stop()
    let page = String(repeating: "x", count: 4000).utf8.count
    var number = 0
    func grow(to pages: Int) throws {
      while store.walPages < pages {
        number += 1
        try commit(number, bodyBytes: 100 * page)
      }
    }
    try grow(to: 2000)
    try store.maintain()
    #expect(running.checkpoints == 0)
    try grow(to: Checkpointer.checkpointThresholdPages)
    try store.maintain()
    // The thread has stopped, so that the request has no effect.
    #expect(running.checkpoints == 0 && store.walPages >= Checkpointer.checkpointThresholdPages)
    try grow(to: 2 * Checkpointer.checkpointThresholdPages + 500)
    try store.maintain()
    #expect(running.checkpoints == 1)
    try commit(number + 1)
    #expect(store.walPages < 100)
  }

  @Test func `the end of the store empties the WAL`() throws {
    running.stop()
    try commit(1)
    #expect(disk.files()["jobs.db-wal"]?.isEmpty == false)
    try store.finish()
    #expect(disk.files()["jobs.db-wal"]?.isEmpty == true)
  }
}
