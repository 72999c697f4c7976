import ArgumentParser
import Console
import Daemon
import SQLite
import SQLiteStore
internal import Settings

/// `compact`: gives free pages of the database back to the file system.
struct CompactCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compact", abstract: "Give the free pages of the database back to the file system.",
    discussion: """
      The file does not grow as long as what is deleted makes room for what is new, and needs no compaction \
      then. After a large deletion this command rebuilds it (VACUUM). Stop the daemon first: nothing can be \
      written meanwhile. It needs as much free space as the database has content, twice: in the folder for \
      temporary files, and beside the database.

      Exit status: 0 if the file is compact, 1 if nothing was changed, 64 for a PostgreSQL database, 66 if \
      there is no database, 78 for a wrong setting.
      """)

  @OptionGroup var options: SettingsOptions

  func run() throws {
    try reportingFailure {
      var reader = try options.reader()
      guard let path = try reader.read(DatabaseSettings.init).path else {
        throw CommandFailure(
          """
          DATABASE_URL: this command compacts SQLite files: autovacuum makes room in PostgreSQL, and VACUUM \
          FULL or pg_repack give it back, as deploy/docs/postgresql.md describes
          """, code: .usage)
      }
      guard Files.exists(path) else {
        throw CommandFailure("DATABASE_URL: \(path) does not exist", code: .noInput)
      }
      do throws(DatabaseError) {
        let summary = try DatabaseCompaction.run(ofStore: path)
        Terminal.print("\(path) had \(summary.before) bytes, and has \(summary.after)")
      } catch {
        throw CommandFailure("DATABASE_URL: \(error)", code: .failure)
      }
    }
  }
}
