import ArgumentParser
import Console
import Daemon
internal import Settings

/// `migrate`: creates the store, or brings its schema to this version.
struct Migrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Create the store, or bring its schema to this version.",
    discussion: """
      `serve` does the same at its start, where its role may. Run it beforehand where the daemon's role in \
      PostgreSQL must not create tables, with the URL of a role that may. Each migration is one transaction. \
      It also counts again what `GET /counts` shows. With PostgreSQL the daemons go on meanwhile; a SQLite \
      file must not be in use.

      Exit status: 0 if the store has this version's schema, 1 if it has not, 78 for a wrong setting.
      """)

  @Flag(help: "List what would be done, and change nothing.")
  var dryRun = false

  @Flag(
    help: """
      The database was restored from a backup that is older than its last commit: before the next start \
      creates predictions, it searches for those that were created since.
      """)
  var restored = false

  @OptionGroup var options: SettingsOptions

  func run() throws {
    try reportingFailure {
      var reader = try options.reader()
      let settings = try reader.read(DatabaseSettings.init)
      do throws(StartError) {
        let migration = try StoreMigration(of: settings)
        let pending = try migration.pending()
        guard !dryRun else { return report(pending) }
        try migration.run(isRestored: restored) { Terminal.print("migrating  \($0)") }
        report(pending, isDone: true)
        if restored { Terminal.print("restored   the next start searches before it creates predictions") }
      } catch {
        throw CommandFailure("\(error)", code: .failure)
      }
    }
  }

  private func report(_ pending: [String]?, isDone: Bool = false) {
    guard let pending else {
      Terminal.print(isDone ? "created    the store" : "pending    create the store")
      return
    }
    guard !pending.isEmpty else {
      Terminal.print("schema     is this version's")
      return
    }
    if isDone {
      Terminal.print("migrated   \(pending.count) step(s)")
    } else {
      for name in pending { Terminal.print("pending    \(name)") }
    }
  }
}
