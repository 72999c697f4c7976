import ArgumentParser
import Console
import Daemon
internal import Settings

/// `move`: copies a SQLite file into a PostgreSQL database.
struct MoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "move",
    abstract: "Copy the jobs of a SQLite file into an empty PostgreSQL database.",
    discussion: """
      Stop the daemon first: the command refuses to read a file that is in use. It only reads the file. \
      Without --to the database is that of DATABASE_URL, so that no password is on the command line.

      An interrupted move goes on when it is repeated. At the end every row is compared; until then no \
      daemon starts on the database. Ids and numbers of jobs stay the same. Cursors of the change feed do \
      not: readers begin again, as after a restored backup.

      Exit status: 0 if everything was moved and compared, 1 if it was not, 64 where --from and --to are no \
      file and no PostgreSQL database, 66 if there is no file, 69 if the server does not answer, 78 for a \
      wrong setting.
      """)

  @Option(
    help: ArgumentHelp("The file to read, such as sqlite:jobs.db.", valueName: "url"), completion: .file())
  var from: String

  @Option(help: ArgumentHelp("The database to fill: postgresql://….", valueName: "url"))
  var to: String?

  @Flag(help: "Delete what an interrupted move has copied, and begin again.")
  var restart = false

  @OptionGroup var options: SettingsOptions

  func run() throws {
    try reportingFailure {
      let source = try location(from, of: "--from")
      let target = try to.map { try location($0, of: "--to") } ?? configuredLocation()
      guard case .sqlite(let path) = source else {
        throw CommandFailure("--from: name a SQLite file, such as sqlite:jobs.db", code: .usage)
      }
      guard case .postgreSQL(let url) = target else {
        throw CommandFailure(
          "--to: name a PostgreSQL database, or let DATABASE_URL be one: postgresql://…", code: .usage)
      }
      let line = ProgressLine()
      do throws(DatabaseMoveError) {
        let summary = try DatabaseMove.run(from: path, to: url, restarts: restart) { line.show($0) }
        line.clear()
        Terminal.print("moved \(summary.jobs) job(s) in \(summary.rows) row(s), and compared all of them")
        Terminal.print("let DATABASE_URL be the new database, and start the daemon")
      } catch {
        line.clear()
        throw CommandFailure(error.description, code: error.status)
      }
    }
  }

  private func location(_ text: String, of option: String) throws -> DatabaseLocation {
    do throws(InvalidDatabaseURL) {
      return try DatabaseLocation(text)
    } catch {
      throw CommandFailure("\(option): \(error.advice)", code: .usage)
    }
  }

  private func configuredLocation() throws -> DatabaseLocation {
    var reader = try options.reader()
    return try reader.read(DatabaseSettings.init).location
  }
}

extension DatabaseMoveError {
  fileprivate var status: ExitStatus {
    switch kind {
    case .noFile: .noInput
    case .unreachable: .unavailable
    case .failed: .failure
    }
  }
}
