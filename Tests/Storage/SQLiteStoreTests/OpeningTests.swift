import Glibc
import Jobs
import SQLite
import Scratch
import StoreSeam
import SQLiteStore
import StoreFixture
import Testing

@Suite struct OpeningTests {
  @Test func aNewDatabaseIsPrivateAndDurable() throws {
    let database = try TemporaryDatabase()
    let writer = try Writer(path: database.path)
    _ = try writer.commit(Sample.life(of: "p1", prefix: "a"))
    #expect(database.mode == 0o600)
    #expect(try SQLiteShell.run("PRAGMA journal_mode", on: database.path) == ["wal"])
    #expect(try SQLiteShell.run("PRAGMA user_version", on: database.path) == ["5"])
  }

  @Test func aNewerDatabaseIsLeftAlone() throws {
    let database = try TemporaryDatabase()
    do { _ = try Writer(path: database.path) }
    try SQLiteShell.run("PRAGMA user_version = 7", on: database.path)
    #expect(throws: DatabaseError.newerSchema(found: 7, known: 5)) { try Writer(path: database.path) }
    #expect(throws: DatabaseError.newerSchema(found: 7, known: 5)) { try SQLiteReader(path: database.path) }
    #expect("\(DatabaseError.newerSchema(found: 7, known: 5))".contains("schema 7"))
    #expect(try SQLiteShell.run("PRAGMA user_version", on: database.path) == ["7"])
  }

  @Test func anotherProgramsDatabaseIsLeftAlone() throws {
    let database = try TemporaryDatabase()
    try SQLiteShell.run("CREATE TABLE notes (text TEXT)", on: database.path)
    #expect(throws: DatabaseError.foreign) { try Writer(path: database.path) }
    #expect(try SQLiteShell.run("SELECT name FROM sqlite_schema", on: database.path) == ["notes"])
  }

  @Test func aProbeLeavesTheSchemaVersionAlone() throws {
    let database = try TemporaryDatabase()
    let writer = try Writer(path: database.path)
    let pages = writer.store.walPages
    try SQLiteShell.run("PRAGMA user_version = 7", on: database.path)
    try writer.store.probe(room: 0)
    #expect(try SQLiteShell.run("PRAGMA user_version", on: database.path) == ["7"])
    #expect(writer.store.walPages > pages)
  }

  @Test func aFileThatIsNoDatabaseIsCorrupt() throws {
    let database = try TemporaryDatabase()
    let file = fopen(database.path, "w")
    fputs(String(repeating: "this is not a database ", count: 100), file)
    fclose(file)
    #expect {
      try Writer(path: database.path)
    } throws: { error in
      if case .corrupt? = error as? DatabaseError { true } else { false }
    }
  }

  @Test func aFolderThatIsMissingIsNamedAsTheCause() throws {
    #expect {
      try Writer(path: "/nonexistent-folder/jobs.db")
    } throws: { error in
      if case .cannotOpen? = error as? DatabaseError { "\(error)".contains("folder") } else { false }
    }
  }

  @Test func aRowThatThisProgramNeverWritesIsCorruptAndNoTrap() throws {
    let database = try TemporaryDatabase()
    let writer = try Writer(path: database.path)
    _ = try writer.commit(Sample.life(of: "p1", prefix: "a"))
    try SQLiteShell.run("UPDATE jobs SET phase = 'dancing'", on: database.path)
    let reader = try SQLiteReader(path: database.path)
    #expect(throws: StorageError.self) { try reader.job("p1") }
    try SQLiteShell.run("UPDATE jobs SET phase = 'running', digest = x'00'", on: database.path)
    #expect(throws: StorageError.self) { try reader.job("p1") }
  }

  /// Migrations are tested from every version.
  ///
  /// An empty file is version 0, and later ones are stored as created.
  @Test(arguments: [0, 1])
  func everyEarlierVersionIsMigrated(_ version: Int) throws {
    let database = try TemporaryDatabase()
    if version == 0 {
      try SQLiteShell.run("PRAGMA user_version", on: database.path)
    } else {
      let writer = try Writer(path: database.path)
      _ = try writer.commit(Sample.life(of: "p1", prefix: "a"))
    }
    let writer = try Writer(path: database.path)
    _ = try writer.commit(Sample.life(of: "p2", prefix: "b"))
    #expect(try SQLiteReader(path: database.path).jobCount() == version + 1)
  }

  @Test func aLockThatIsHeldTooLongIsBusyAndPasses() throws {
    let database = try TemporaryDatabase()
    let writer = try Writer(path: database.path, busyTimeout: 20)
    let other = try OtherProgram(database.path)
    try other.run("BEGIN IMMEDIATE")
    #expect(throws: StorageError(DatabaseError.busy)) {
      try writer.commit(Sample.life(of: "p1", prefix: "a"))
    }
    #expect(throws: StorageError(DatabaseError.busy)) { try writer.store.probe(room: 0) }
    try other.run("COMMIT")
    try writer.store.probe(room: 0)
    #expect(try writer.commit(Sample.life(of: "p1", prefix: "a")).count == 4)
  }

  @Test func theWALGrowsWithCommitsAndIsResetAfterACheckpoint() throws {
    let database = try TemporaryDatabase()
    let writer = try Writer(path: database.path)
    let checkpointer = try DatabaseCheckpointer(path: database.path)
    for number in 0..<100 { _ = try writer.commit(Sample.life(of: "p\(number)", prefix: "w\(number)-")) }
    let grown = writer.store.walPages
    #expect(grown > 100)
    #expect(try checkpointer.checkpoint().pendingPages == 0)
    _ = try writer.commit(Sample.life(of: "q", prefix: "q"))
    #expect(writer.store.walPages < grown)
  }

  @Test func aReaderSeesOnlyWhatIsCommitted() throws {
    let database = try TemporaryDatabase()
    let writer = try Writer(path: database.path)
    let reader = try SQLiteReader(path: database.path)
    let other = try OtherProgram(database.path)
    _ = try writer.commit(Sample.life(of: "p1", prefix: "a"))
    try other.run("BEGIN IMMEDIATE")
    try other.run("UPDATE jobs SET revision = 99")
    #expect(try reader.job("p1")?.job.revision == 4)
    try other.run("COMMIT")
    #expect(try reader.job("p1")?.job.revision == 99)
    try reader.ping()
  }
}
