import ArgumentParser
import Console
import Daemon
import EventLoop
import Glibc
import SQLite
internal import Settings
import SQLiteStore
internal import System

/// `backup FILE`: copies the database, even while the daemon runs.
struct Backup: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Copy the database, even while the daemon runs.",
    discussion: """
      The copy is a snapshot: it contains every delivery that was acknowledged before the command began. \
      Deliveries are not delayed meanwhile. The copy is written next to FILE under a temporary name, \
      checked, synced and then renamed, so FILE is never incomplete. Only its owner can read it.

      To restore: stop the daemon; move the database away together with its -wal and -shm; put the copy in \
      its place, owned by the daemon's user; start the daemon.

      It copies SQLite files only: a PostgreSQL database is copied with pg_basebackup or pg_dump.

      SIGINT and SIGTERM remove the partial copy and leave FILE unchanged.

      Exit status: 0 if the copy is complete, 1 if it is not, 64 for a PostgreSQL database, 66 \
      if there is no database, 78 for a wrong \
      setting, 130 after SIGINT and 143 after SIGTERM.
      """)

  @Argument(help: "The file to write.", completion: .file())
  var file: String

  @Flag(help: "Replace FILE if it exists.")
  var force = false

  @OptionGroup var options: SettingsOptions

  func validate() throws {
    // By convention that is standard output, where a copy cannot be checked and synced.
    guard file != "-", !file.isEmpty else {
      throw ValidationError("name the file to write; for a file named -, write ./-")
    }
  }

  func run() throws {
    try reportingFailure {
      var reader = try options.reader()
      guard let database = try reader.read(DatabaseSettings.init).path else { throw Self.serverBackup }
      let backup = DatabaseBackup(ofStore: database, to: file, replacingFile: force)
      try abandonAtSignal(backup)
      let progress = ProgressLine()
      do throws(BackupError) {
        let summary = try backup.run { if $1 > 0 { progress.show("copying  \(100 * $0 / $1) %") } }
        progress.clear()
        Terminal.print("\(file) holds \(summary.rows) job(s) in \(summary.bytes) bytes")
      } catch {
        progress.clear()
        if case .noDatabase = error { throw CommandFailure("\(error)", code: .noInput) }
        throw CommandFailure("\(error)", code: .failure)
      }
    }
  }

  private static let serverBackup = CommandFailure(
    """
    DATABASE_URL: this command copies SQLite files: copy a PostgreSQL server with pg_basebackup, or its \
    database with pg_dump, as deploy/docs/postgresql.md describes
    """, code: .usage)

  /// Starts a thread that removes the partial copy after SIGINT or SIGTERM.
  ///
  /// The thread is never joined: it waits until a signal or the end of the process. SIGHUP keeps its default
  /// action, or is ignored under nohup(1).
  private func abandonAtSignal(_ backup: DatabaseBackup) throws {
    let signals = [Signal.interrupt, .terminate]
    Signals.block(signals)
    do throws(SystemError) {
      _ = try Thread(named: "signals") {
        let signal = Signals.next(of: signals)
        // As shells do: 128 plus the signal number.
        backup.abandon { _exit(128 + signal.rawValue) }
      }
    } catch {
      throw CommandFailure("\(error)", code: .failure)
    }
  }
}
