import Glibc
import Jobs
import Store
import Testing

@Suite struct BackupTests {
  private let database: TemporaryDatabase
  private let writer: StoreWriter
  private var copy: String { database.path + ".copy" }

  init() throws {
    database = try TemporaryDatabase()
    writer = try StoreWriter(path: database.path)
    for number in 0..<20 { _ = try writer.commit(Sample.life(of: "p\(number)", prefix: "w\(number)-")) }
  }

  private func backup(to destination: String? = nil, force: Bool = false) throws -> StoreBackup.Summary {
    try StoreBackup(of: database.path, to: destination ?? copy, replacingFile: force).run { _, _ in }
  }

  /// Names of files in the folder, without those of the database itself.
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

  @Test func aCopyIsOneFileOfItsOwnerAloneWithEveryJob() throws {
    defer { unlink(copy) }
    let summary = try backup()
    #expect(summary.jobs == 20)
    var status = stat()
    try #require(stat(copy, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    #expect(Int(status.st_size) == summary.bytes)
    #expect(try others == ["jobs.db.copy"])
    #expect(try SQLiteShell.run("PRAGMA journal_mode", on: copy) == ["delete"])
    #expect(try SQLiteShell.run("PRAGMA user_version", on: copy) == ["1"])
    #expect(try SQLiteShell.run("SELECT count(*) FROM deliveries", on: copy) == ["80"])
    #expect(try SQLiteShell.run("PRAGMA integrity_check", on: copy) == ["ok"])
  }

  /// Commits between any two steps of the copy neither disturb it nor get into it.
  @Test func whatIsCommittedMeanwhileIsNotInIt() throws {
    defer { unlink(copy) }
    let large = String(repeating: "x", count: 3_000_000)
    for number in 0..<5 {
      _ = try writer.commit([
        Sample.delivery("l\(number)", of: "l\(number)", "starting", .pending, body: large)
      ])
    }
    var steps: [Int] = []
    let summary = try StoreBackup(of: database.path, to: copy, replacingFile: false).run { copied, all in
      steps.append(copied)
      // Else a copy that begins again after each commit would never end.
      guard steps.count < 50 else { return }
      // An expectation cannot throw from here; a commit that fails would be missing below.
      _ = try? writer.commit(Sample.life(of: "late\(steps.count)", prefix: "late\(steps.count)-"))
      if copied == all { _ = try? writer.checkpoint() }
    }
    #expect(steps.count > 3 && steps == steps.sorted())
    #expect(summary.jobs == 25)
    #expect(try SQLiteShell.run("SELECT count(*) FROM jobs", on: copy) == ["25"])
    #expect(try StoreReader(path: database.path).jobCount() == 25 + steps.count)
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
    #expect(try backup(force: true).jobs == 20)
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
  func aNameWithAnotherDatabasesJournalIsRefused(_ suffix: String) throws {
    defer { unlink(copy + suffix) }
    fclose(fopen(copy + suffix, "w"))
    #expect(throws: BackupError.destinationInUse(copy + suffix)) { try backup(force: true) }
  }

  @Test func whatCannotBeCopiedLeavesNothing() throws {
    let missing = "/nonexistent-folder/copy"
    #expect {
      try backup(to: missing)
    } throws: { "\($0)".contains("cannot create \(missing)") }
    #expect(throws: BackupError.noDatabase("/nonexistent")) {
      try StoreBackup(of: "/nonexistent", to: copy, replacingFile: false).run { _, _ in }
    }
    try SQLiteShell.run("PRAGMA user_version = 7", on: database.path)
    #expect(throws: BackupError.cannotRead(.newerSchema(found: 7, known: 1))) { try backup() }
    #expect(try others == [])
  }

  @Test func aDamagedDatabaseMakesNoCopy() throws {
    _ = try writer.checkpoint()
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
