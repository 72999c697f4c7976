import Glibc
import Jobs
import SQLite
import Scratch
import Ledger
import StoreSeam
import SQLiteStore
import StoreFixture
import Testing
@testable import Time

@Suite struct BackupTests {
  private let database: TemporaryDatabase
  private let writer: Writer
  private var copy: String { database.path + ".copy" }

  init() throws {
    database = try TemporaryDatabase()
    writer = try Writer(path: database.path)
    for number in 0..<20 { _ = try writer.commit(Sample.life(of: "p\(number)", prefix: "w\(number)-")) }
  }

  private func backup(to destination: String? = nil, force: Bool = false) throws -> DatabaseBackup.Summary {
    try DatabaseBackup(ofStore: database.path, to: destination ?? copy, replacingFile: force).run { _, _ in }
  }

  /// Names of the files in the folder, except the database's own.
  private var others: [String] {
    get throws {
      let folder = try #require(opendir(database.folder))
      defer { closedir(folder) }
      var names: [String] = []
      while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        names.append(name)
      }
      return names.filter { ![".", "..", "jobs.db", "jobs.db-wal", "jobs.db-shm"].contains($0) }.sorted()
    }
  }

  @Test func aCopyIsOnePrivateFileWithEveryJob() throws {
    defer { unlink(copy) }
    let summary = try backup()
    #expect(summary.rows == 20)
    var status = stat()
    try #require(stat(copy, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    #expect(Int(status.st_size) == summary.bytes)
    #expect(try others == ["jobs.db.copy"])
    #expect(try SQLiteShell.run("PRAGMA journal_mode", on: copy) == ["delete"])
    #expect(try SQLiteShell.run("PRAGMA user_version", on: copy) == ["5"])
    #expect(try SQLiteShell.run("SELECT count(*) FROM deliveries", on: copy) == ["80"])
    #expect(try SQLiteShell.run("PRAGMA integrity_check", on: copy) == ["ok"])
  }

  /// Commits between two steps of the copy are no part of it.
  @Test func commitsDuringTheCopyAreNotInIt() throws {
    defer { unlink(copy) }
    let large = String(repeating: "x", count: 3_000_000)
    for number in 0..<5 {
      _ = try writer.commit([
        Sample.delivery("l\(number)", of: "l\(number)", "starting", .pending, body: large)
      ])
    }
    var steps: [Int] = []
    let summary = try DatabaseBackup(ofStore: database.path, to: copy, replacingFile: false).run {
      copied, all in
      steps.append(copied)
      // Otherwise a copy that restarts after each commit would never end.
      guard steps.count < 50 else { return }
      // An expectation cannot throw from here; a commit that fails would be missing below.
      _ = try? writer.commit(Sample.life(of: "late\(steps.count)", prefix: "late\(steps.count)-"))
      if copied == all { _ = try? DatabaseCheckpointer(path: database.path).checkpoint() }
    }
    #expect(steps.count > 3 && steps == steps.sorted())
    #expect(summary.rows == 25)
    #expect(try SQLiteShell.run("SELECT count(*) FROM jobs", on: copy) == ["25"])
    #expect(try SQLiteReader(path: database.path).jobCount() == 25 + steps.count)
  }

  @Test func nothingIsReplacedUnlessForced() throws {
    defer { unlink(copy) }
    let file = fopen(copy, "w")
    fputs("precious", file)
    fclose(file)
    #expect(throws: BackupError.exists(copy)) { try backup() }
    let kept = fopen(copy, "r")
    var bytes = [CChar](repeating: 0, count: 16)
    fgets(&bytes, 16, kept)
    fclose(kept)
    #expect(strcmp(bytes, "precious") == 0)
    #expect(try backup(force: true).rows == 20)
    #expect(try others == ["jobs.db.copy"])
  }

  @Test func theDatabaseItselfIsNeverTheDestination() throws {
    let (soft, hard) = (database.folder + "/soft", database.folder + "/hard")
    defer {
      unlink(soft)
      unlink(hard)
    }
    try #require(symlink(database.path, soft) == 0 && link(database.path, hard) == 0)
    let names = [database.path, database.path + "-wal", database.path + "-shm", soft, hard]
    for destination in names {
      #expect(throws: BackupError.destinationIsDatabase(destination)) {
        try backup(to: destination, force: true)
      }
    }
  }

  /// SQLite would apply the journal to the copy.
  @Test(arguments: ["-wal", "-journal"])
  func aDestinationWithAnotherDatabasesJournalIsRejected(_ suffix: String) throws {
    defer { unlink(copy + suffix) }
    fclose(fopen(copy + suffix, "w"))
    #expect(throws: BackupError.destinationInUse(copy + suffix)) { try backup(force: true) }
  }

  @Test func aFailedCopyLeavesNothing() throws {
    let missing = "/nonexistent-folder/copy"
    #expect {
      try backup(to: missing)
    } throws: { "\($0)".contains("cannot create \(missing)") }
    #expect(throws: BackupError.noDatabase("/nonexistent")) {
      try DatabaseBackup(ofStore: "/nonexistent", to: copy, replacingFile: false).run { _, _ in }
    }
    try SQLiteShell.run("PRAGMA user_version = 7", on: database.path)
    #expect(throws: BackupError.cannotRead(.newerSchema(found: 7, known: 5))) { try backup() }
    #expect(try others == [])
  }

  /// Every order in a restored copy may have been sent.
  ///
  /// The daemon went on after the backup.
  @Test func ordersOfARestoredCopyAreSearchedForFirst() async throws {
    let source = try SQLiteBackend()
    let store = try OrderedStore(on: source)
    for id in ["one", "two", "three", "ended"] { try store.place(id, retries: 1) }
    let ended = try store.cancel("ended")
    guard case .ended = ended else {
      Issue.record("\(ended)")
      return
    }
    store.advance(-1)
    try store.place("first")
    try store.report(try store.step().order.number, of: "p1", .running)
    store.advance(1)
    let copy = source.path + ".copy"
    defer { for suffix in ["", "-wal", "-shm"] { unlink(copy + suffix) } }
    _ = try DatabaseBackup(ofStore: source.path, to: copy, replacingFile: false).run { _, _ in }
    func recover(_ ledger: Ledger) throws -> Bool {
      try ledger.commit { (transaction) throws(StorageError) in
        try transaction.recoverOrders(at: store.now, absenceGracePeriod: 60_000)
      }
    }
    #expect(try !recover(store.ledger))
    #expect(try await store.order("one").stage == .queued)
    let restored = try Writer(path: copy)
    #expect(try recover(restored.ledger))
    let reader = try SQLiteReader(path: copy)
    func order(_ id: String) throws -> StoredOrder {
      try #require(try reader.job(id)?.order)
    }
    for id in ["one", "two", "three"] {
      let order = try order(id)
      #expect(order.stage == .unanswered && order.isRestored && order.dueAt == store.now)
      #expect(order.absenceConclusiveAt == store.now.advanced(byMilliseconds: 60_000) && order.sentAt == nil)
    }
    #expect(try order("first").stage == .submitted && order("ended").stage == .ended)
    // Only once: the next start finds the marker gone.
    #expect(try !recover(restored.ledger))
    let found = try restored.commit { (transaction) throws(StorageError) in
      try transaction.claimOrderSteps(at: store.now, creates: 9, cancels: 9, finds: 9, lease: 1000)
    }
    #expect(found.map(\.job.id) == ["one", "two", "three"])
    try restored.commit { (transaction) throws(StorageError) in
      try transaction.reschedule(found[0].order, until: store.now, at: store.now)
    }
    let sent = try restored.commit { (transaction) throws(StorageError) in
      try transaction.claimOrderSteps(at: store.now, creates: 9, cancels: 0, finds: 0, lease: 1000)
    }
    #expect(sent.map(\.job.id) == ["one"] && sent.allSatisfy { !$0.order.isRestored })
  }

  /// What a cursor of the other copy has seen, this one may lack.
  @Test func aRestoredCopyHasAnotherEpoch() throws {
    defer { for suffix in ["", "-wal", "-shm"] { unlink(copy + suffix) } }
    _ = try backup()
    func position(_ path: String) throws -> FeedPosition { try SQLiteReader(path: path).feedPosition() }
    let restored = try Writer(path: copy)
    let first = try position(copy)
    #expect(try first.epoch != position(database.path).epoch)
    #expect(try first.lastChange == position(database.path).lastChange)
    // It stays, once a daemon has started on the copy.
    try restored.commit { (transaction) throws(StorageError) in
      _ = try transaction.recoverOrders(at: Timestamp(milliseconds: 5), absenceGracePeriod: 0)
    }
    _ = try Writer(path: copy)
    #expect(try position(copy) == first)
  }

  /// The next attempt of a restored job may exist.
  ///
  /// Its prediction was interrupted.
  @Test func theNextAttemptOfARestoredJobIsSearchedForFirst() throws {
    let source = try SQLiteBackend()
    let store = try OrderedStore(on: source)
    let step = try store.send("j1", retries: 1)
    try store.report(step.order.number, of: "p1", .running)
    let copy = source.path + ".copy"
    defer { for suffix in ["", "-wal", "-shm"] { unlink(copy + suffix) } }
    _ = try DatabaseBackup(ofStore: source.path, to: copy, replacingFile: false).run { _, _ in }
    let restored = try Writer(path: copy)
    let interrupted = Snapshot(
      predictionID: "p1", providerStatus: "failed", phase: .failed, error: interruption,
      evidence: Evidence(logsSize: 0, outputSize: 0, digest: Sample.digest(of: "x")))
    try restored.commit { (transaction) throws(StorageError) in
      try transaction.recoverOrders(at: store.now, absenceGracePeriod: 60_000)
    }
    try restored.commit { (transaction) throws(StorageError) in
      _ = try transaction.record(
        PolledSnapshot(source: .poll, receivedAt: store.now, snapshot: interrupted, body: []),
        ofJob: step.order.number)
    }
    store.advance(2000)
    let steps = try restored.commit { (transaction) throws(StorageError) in
      try transaction.claimOrderSteps(at: store.now, creates: 9, cancels: 9, finds: 9, lease: 1000)
    }
    #expect(steps.count == 1)
    guard case .find = steps.first?.action else {
      Issue.record("\(steps)")
      return
    }
    // The call of the daemon before may have its effect only now.
    #expect(steps.first?.order.absenceConclusiveAt == store.now.advanced(byMilliseconds: 58_000))
  }

  /// A job created here whose prediction `p1` was created at 5 ms, in a restored copy.
  private func restoredJob(
    retries: Int64,
    _ test: (_ number: Int64, _ store: OrderedStore, _ restored: Writer, _ path: String) throws -> Void
  ) throws {
    let source = try SQLiteBackend()
    let store = try OrderedStore(on: source)
    let step = try store.send("j1", retries: retries)
    _ = try store.commit { (transaction) throws(StorageError) in
      try transaction.record(Sample.delivery("w1", of: "p1", "processing", .running, naming: "j1"))
    }
    let copy = source.path + ".copy"
    defer { for suffix in ["", "-wal", "-shm"] { unlink(copy + suffix) } }
    _ = try DatabaseBackup(ofStore: source.path, to: copy, replacingFile: false).run { _, _ in }
    let restored = try Writer(path: copy)
    try restored.commit { (transaction) throws(StorageError) in
      try transaction.recoverOrders(at: store.now, absenceGracePeriod: 60_000)
    }
    try test(step.order.number, store, restored, copy)
  }

  @Test(arguments: [(1, 9, true), (0, 9, false), (1, 5, false), (1, 1, false)] as [(Int64, Int64, Bool)])
  func `a newer prediction of a restored job replaces the one before it`(
    retries: Int64, createdAt: Int64, isReplaced: Bool
  ) throws {
    try restoredJob(retries: retries) { number, store, restored, path in
      let delivery = Sample.delivery(
        "w2", of: "p2", "succeeded", .succeeded, createdAt: createdAt, naming: "j1")
      let recording = try restored.commit { (transaction) throws(StorageError) in
        try transaction.record(delivery)
      }
      #expect(recording.jobID == (isReplaced ? "j1" : "p2") && recording.isStray == !isReplaced)
      let reader = try SQLiteReader(path: path)
      let record = try #require(try reader.job("j1"))
      #expect(record.job.snapshot?.predictionID == (isReplaced ? "p2" : "p1"))
      #expect(
        record.job.attempt == (isReplaced ? 2 : 1) && record.job.phase == (isReplaced ? .succeeded : .running)
      )
      #expect(record.attempts.map(\.predictionID) == (isReplaced ? ["p1"] : []))
    }
  }

  @Test func `an order that is no restored one keeps its prediction`() throws {
    let store = try OrderedStore(on: try SQLiteBackend())
    _ = try store.send("j1", retries: 1)
    let recordings = try store.commit { (transaction) throws(StorageError) in
      [
        try transaction.record(Sample.delivery("w1", of: "p1", "processing", .running, naming: "j1")),
        try transaction.record(
          Sample.delivery("w2", of: "p2", "processing", .running, createdAt: 9, naming: "j1")),
      ]
    }
    #expect(recordings.map(\.jobID) == ["j1", "p2"])
  }

  /// The next attempt may exist, and then it is canceled.
  @Test func `a canceled job of a backup is searched for its next attempt`() throws {
    try restoredJob(retries: 1) { number, store, restored, path in
      let interrupted = Sample.polled(.answer, of: "p1", .failed, at: store.now, error: interruption)
      try restored.commit { (transaction) throws(StorageError) in
        _ = try transaction.cancel("j1", at: store.now)
        _ = try transaction.record(interrupted, ofJob: number)
      }
      store.advance(2000)
      let steps = try restored.commit { (transaction) throws(StorageError) in
        try transaction.claimOrderSteps(at: store.now, creates: 9, cancels: 9, finds: 9, lease: 1000)
      }
      guard case .find = steps.first?.action else {
        Issue.record("\(steps)")
        return
      }
      // It does not exist: nothing is created, and the job ends as canceled.
      try restored.commit { (transaction) throws(StorageError) in
        try transaction.reschedule(steps[0].order, until: store.now, at: store.now)
      }
      let job = try #require(try SQLiteReader(path: path).job("j1")?.job)
      #expect(job.phase == .canceled && job.error?.code == "canceled")
    }
  }

  @Test func aDamagedDatabaseMakesNoCopy() throws {
    _ = try DatabaseCheckpointer(path: database.path).checkpoint()
    let file = try #require(fopen(database.path, "r+"))
    // The pages of the tables and their indexes.
    fseek(file, 4096, SEEK_SET)
    for _ in 0..<3 * 4096 { fputc(0x5A, file) }
    fclose(file)
    #expect {
      try backup()
    } throws: { error in
      switch error as? BackupError {
      case .unsound, .cannotRead(.corrupt): true
      default: false
      }
    }
    #expect(try others == [])
  }
}
