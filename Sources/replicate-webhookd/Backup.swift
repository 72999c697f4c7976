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
      checked, synced and then renamed, so FILE is never incomplete. Only its owner can read it. With - the \
      checked copy is written to standard output; until then it needs room beside the database.

      `restore FILE` puts it back.

      It copies SQLite files only: a PostgreSQL database is copied with pg_basebackup or pg_dump.

      SIGINT and SIGTERM remove the partial copy and leave FILE unchanged.

      Exit status: 0 if the copy is complete, 1 if it is not, 64 for a PostgreSQL database, 66 \
      if there is no database, 78 for a wrong \
      setting, 130 after SIGINT and 143 after SIGTERM.
      """)

  @Argument(help: "The file to write; - for standard output.", completion: .file())
  var file: String

  @Flag(help: "Replace FILE if it exists.")
  var force = false

  @OptionGroup var options: SettingsOptions

  func validate() throws {
    guard !file.isEmpty else { throw ValidationError("name the file to write, or - for standard output") }
    guard file != "-" || !Terminal.isInteractive else {
      throw ValidationError("standard output is a terminal: redirect it, or name a file")
    }
  }

  func run() throws {
    try reportingFailure {
      var reader = try options.reader()
      guard let database = try reader.read(DatabaseSettings.init).path else { throw Self.serverBackup }
      let isStreamed = self.file == "-"
      let file = isStreamed ? "\(database).backup-\(getpid())" : self.file
      let backup = DatabaseBackup(ofStore: database, to: file, replacingFile: force && !isStreamed)
      try abandonAtSignal(backup)
      let progress = ProgressLine()
      do throws(BackupError) {
        let summary = try backup.run { if $1 > 0 { progress.show("copying  \(100 * $0 / $1) %") } }
        progress.clear()
        if isStreamed { return try stream(file) }
        Terminal.print("\(file) holds \(summary.rows) job(s) in \(summary.bytes) bytes")
      } catch {
        progress.clear()
        if case .noDatabase = error { throw CommandFailure("\(error)", code: .noInput) }
        throw CommandFailure("\(error)", code: .failure)
      }
    }
  }

  /// Writes the checked copy to standard output, and leaves no file behind, even where it is killed.
  private func stream(_ path: String) throws(BackupError) {
    guard let copy = Files.Pieces(of: path) else { throw .failed("open", path, errno) }
    unlink(path)
    while let piece = copy.next() {
      guard Terminal.print(exact: piece) else { throw .failed("write to", "standard output", EPIPE) }
    }
    if copy.hasFailed { throw .failed("read", path, EIO) }
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
