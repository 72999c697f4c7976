import ArgumentParser
import Console
import Daemon
import SQLite
import SQLiteStore
internal import Settings

/// `restore FILE`: puts a backup in the place of the database.
struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Put a backup in the place of the database.",
    discussion: """
      Stop the daemon first: the command refuses while one uses the database. FILE is copied beside the \
      database, checked and synced, and only then takes its place. FILE stays, and a database that is \
      there is refused, or with --force kept under another name together with its -wal and -shm.

      After the next start the daemon searches Replicate for the calls that the backup has no record of, \
      before it creates predictions. Readers of the change feed begin again.

      It restores SQLite files only: a PostgreSQL database is restored with the server's own programs, and \
      `migrate --restored` follows.

      Exit status: 0 if the backup is in place, 1 if nothing was changed, 64 for a PostgreSQL database, 66 \
      if there is no backup, 78 for a wrong setting.
      """)

  @Argument(help: "The file that `backup` has written.", completion: .file())
  var file: String

  @Flag(help: "Move a database that is there away, to a name that ends with .before-TIME.")
  var force = false

  @OptionGroup var options: SettingsOptions

  func run() throws {
    try reportingFailure {
      var reader = try options.reader()
      guard let database = try reader.read(DatabaseSettings.init).path else {
        throw CommandFailure(
          "DATABASE_URL: this command restores SQLite files: see deploy/docs/postgresql.md for a server",
          code: .usage)
      }
      let restore = DatabaseRestore(to: database, suffix: ".before-\(WallTime.seconds)") {
        DatabaseBackup(ofStore: file, to: $0, replacingFile: false)
      }
      let progress = ProgressLine()
      do throws(RestoreError) {
        let (summary, moved) = try restore.run(replacingFile: force) {
          if $1 > 0 { progress.show("copying  \(100 * $0 / $1) %") }
        }
        progress.clear()
        Terminal.print("\(database) holds \(summary.rows) job(s) in \(summary.bytes) bytes")
        for name in moved { Terminal.print("kept \(name)") }
        Terminal.print(
          "start the daemon: it searches Replicate for later calls before it creates predictions")
      } catch {
        progress.clear()
        if case .notCopied(.noDatabase) = error { throw CommandFailure("\(error)", code: .noInput) }
        throw CommandFailure("\(error)", code: .failure)
      }
    }
  }
}
