import ArgumentParser
import Daemon
import EventLoop
import Glibc
internal import Settings
import Store
internal import System

/// `backup FILE`: a copy of the database, also while the daemon runs.
struct Backup: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Copy the database, also while the daemon runs.",
    discussion: """
      The copy is of one moment: every delivery that was acknowledged before the command began is in it. It keeps no \
      delivery waiting. It is written beside FILE under another name, checked, synced, and then given its name, so that FILE \
      is a whole copy whenever it is there. Only its owner can read it.

      To restore: stop the daemon; move the database away, and its -wal and -shm with it; put the copy in its place, owned by \
      the daemon's user; start the daemon.

      SIGINT and SIGTERM remove what there is of the copy, and leave FILE as it was.

      Exit status: 0 where the copy stands, 1 where there is none, 66 where there is no database, 78 for a wrong setting, \
      130 after SIGINT and 143 after SIGTERM.
      """)

  @Argument(help: "Where the copy goes.", completion: .file())
  var file: String

  @Flag(help: "Replace FILE if it exists.")
  var force = false

  @OptionGroup var options: SettingsOptions

  func validate() throws {
    // As elsewhere it would mean standard output, where no copy can be checked and synced.
    guard file != "-", !file.isEmpty else {
      throw ValidationError("name the file of the copy; ./- where that is its name")
    }
  }

  func run() throws {
    try reportingFailure {
      var reader = try options.reader()
      let database = try reader.readDatabasePath()
      let backup = StoreBackup(of: database, to: file, replacingFile: force)
      try abandonAtSignal(backup)
      var progress = ProgressLine()
      do throws(BackupError) {
        let summary = try backup.run { progress.show($0, of: $1) }
        progress.clear()
        Terminal.print("\(file) holds \(summary.jobs) job(s) in \(summary.bytes) bytes")
      } catch {
        progress.clear()
        if case .noDatabase = error { throw CommandFailure("\(error)", code: .noInput) }
        throw CommandFailure("\(error)", code: .failure)
      }
    }
  }

  /// The thread is never joined: it waits until a signal comes or the process ends. A hangup ends the process as ever, or
  /// does not, under nohup(1).
  private func abandonAtSignal(_ backup: StoreBackup) throws {
    let signals = [Signal.interrupt, .terminate]
    Signals.block(signals)
    do throws(SystemError) {
      _ = try Thread(named: "signals") {
        let signal = Signals.next(of: signals)
        // As shells do: the number of the signal above 128.
        backup.abandon { _exit(128 + signal.rawValue) }
      }
    } catch {
      throw CommandFailure("\(error)", code: .failure)
    }
  }
}

/// How far something is, in one line of a terminal that is written over; nothing where standard error is none.
private struct ProgressLine {
  private var shown: Int?

  mutating func show(_ done: Int, of all: Int) {
    guard Terminal.isErrorInteractive, all > 0 else { return }
    let percent = 100 * done / all
    guard percent != shown else { return }
    shown = percent
    Terminal.overwriteErrorLine("copying  \(percent) %")
  }

  mutating func clear() {
    if shown != nil { Terminal.overwriteErrorLine("") }
    shown = nil
  }
}
