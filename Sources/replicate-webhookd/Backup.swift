import ArgumentParser
import Receiver
import Store

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

      Exit status: 0 where the copy stands, 1 where there is none, 66 where there is no database, 78 for a wrong setting.
      """)

  @Argument(help: "Where the copy goes.", completion: .file())
  var file: String

  @Flag(help: "Replace FILE if it exists.")
  var force = false

  @OptionGroup var options: SettingsOptions

  func run() throws {
    try reportingFailure {
      var reader = try options.reader()
      let database = try reader.readDatabasePath()
      let backup = StoreBackup(of: database, to: file, replacingFile: force)
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
