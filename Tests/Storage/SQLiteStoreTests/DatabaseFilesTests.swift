import Glibc
import Jobs
import SQLite
import Scratch
import StoreSeam
import SQLiteStore
import StoreFixture
import Testing

/// Files that are moved, deleted or replaced while in use.
@Suite struct DatabaseFilesTests {
  @Test(arguments: ["", "-wal", "-shm"])
  func nothingIsCommittedWhileAFileIsMissingOrReplaced(_ suffix: String) throws {
    let database = try TemporaryDatabase()
    let writer = try Writer(path: database.path)
    let reader = try SQLiteReader(path: database.path)
    _ = try writer.commit(Sample.life(of: "p1", prefix: "a"))
    let (file, aside) = (database.path + suffix, database.path + ".aside")

    try #require(rename(file, aside) == 0)
    #expect(throws: StorageError(DatabaseError.gone(file))) {
      try writer.commit(Sample.life(of: "p2", prefix: "b"))
    }
    #expect(throws: StorageError(DatabaseError.gone(file))) { try writer.store.probe(room: 0) }
    #expect(throws: StorageError(DatabaseError.gone(file))) { try reader.ping() }
    // Reads go on.
    #expect(try reader.job("p1") != nil)

    fclose(fopen(file, "w"))
    #expect(throws: StorageError(DatabaseError.replaced(file))) {
      try writer.commit(Sample.life(of: "p2", prefix: "b"))
    }
    #expect(throws: StorageError(DatabaseError.replaced(file))) { try writer.store.probe(room: 0) }
    #expect(throws: StorageError(DatabaseError.replaced(file))) { try reader.ping() }

    try #require(rename(aside, file) == 0)
    #expect(try writer.commit(Sample.life(of: "p2", prefix: "b")).count == 4)
    try writer.store.probe(room: 0)
    try reader.ping()
  }

  @Test func aLinkIsFollowedAndMustKeepItsTarget() throws {
    let database = try TemporaryDatabase()
    do { _ = try Writer(path: database.path) }
    let link = database.folder + "/link"
    defer { unlink(link) }
    try #require(symlink(database.path, link) == 0)
    let writer = try Writer(path: link)
    #expect(try writer.commit(Sample.life(of: "p1", prefix: "a")).count == 4)
    unlink(link)
    #expect(throws: StorageError(DatabaseError.gone(link))) {
      try writer.commit(Sample.life(of: "p2", prefix: "b"))
    }
    try #require(symlink("/dev/null", link) == 0)
    #expect(throws: StorageError(DatabaseError.replaced(link))) {
      try writer.commit(Sample.life(of: "p2", prefix: "b"))
    }
  }

  /// The last connection to close deletes the WAL by its name.
  ///
  /// By then, that name may belong to another daemon.
  @Test(arguments: [false, true])
  func closingLeavesTheWALOfAnotherDatabase(_ isReplaced: Bool) throws {
    let database = try TemporaryDatabase()
    let aside = database.path + ".aside"
    defer { unlink(aside) }
    do {
      let writer = try Writer(path: database.path)
      _ = try writer.commit(Sample.life(of: "p1", prefix: "a"))
      if isReplaced { try #require(rename(database.path, aside) == 0) }
    }
    #expect((access(database.path + "-wal", F_OK) == 0) == isReplaced)
  }

  @Test func aDryRunTakesSpaceAndLeavesNothing() throws {
    let database = try TemporaryDatabase()
    let writer = try Writer(path: database.path)
    let reader = try SQLiteReader(path: database.path)
    _ = try writer.commit(Sample.life(of: "p1", prefix: "a"))
    let pages = writer.store.walPages
    try writer.store.probe(room: 3_000_000)
    #expect(writer.store.walPages == pages + 1)
    var status = stat()
    try #require(stat(database.path + "-wal", &status) == 0)
    #expect(status.st_size > 3_000_000)
    #expect(try reader.jobCount() == 1)
    #expect(try writer.commit(Sample.life(of: "p2", prefix: "b")).count == 4)
    #expect(try reader.jobCount() == 2)
    #expect(try reader.damage() == nil)
  }
}
