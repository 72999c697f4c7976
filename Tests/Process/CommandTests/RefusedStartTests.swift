import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// `serve` rejects an unusable store with status 78.
  ///
  /// The line names the setting, the cause and the remedy.
  @Suite struct RefusedStartTests {
    /// A script that prepares `$1` for the database `$1/jobs.db`, and the message.
    static let unusable: [(preparation: String, message: String)] = [
      ("printf 'this is not a database %1000s' x >$1/jobs.db", "damaged (file is not a database)"),
      ("printf 'SQLite format 3\\0%1000s' x >$1/jobs.db", "damaged"),
      ("sqlite 'CREATE TABLE notes (text TEXT)'", "a database of another program"),
      ("sqlite 'PRAGMA application_id = 7'", "a database of another program"),
      ("sqlite 'PRAGMA user_version = 7'", "has schema 7 and this version knows 5: install the version"),
      // A foreign WAL, which SQLite would delete or apply.
      ("printf log >$1/jobs.db-wal", "jobs.db-wal belongs to another database"),
      ("touch $1/jobs.db; printf log >$1/jobs.db-wal", "jobs.db-wal belongs to another database"),
      ("sqlite 'CREATE TABLE x (y)'; printf log >$1/jobs.db-wal", "jobs.db-wal belongs to another database"),
      ("rm -r $1", "(No such file or directory): check that its folder exists"),
      ("mkdir $1/jobs.db", "(Is a directory)"),
      ("ln -s $1/none/jobs.db $1/jobs.db", "(No such file or directory): check that its folder exists"),
    ]

    /// The same for an unprivileged user.
    static let forbidden: [(preparation: String, message: String)] = [
      ("chmod 0555 $1", "check the owner and the permissions"),
      ("chmod 0000 $1", "check the owner and the permissions"),
      ("touch $1/jobs.db; chmod 0444 $1/jobs.db; chmod 0777 $1", "check the owner and the permissions"),
      ("touch $1/jobs.db; chmod 0666 $1/jobs.db; chmod 0555 $1", "check the owner and the permissions"),
      // As a command run by root may leave them.
      (
        "touch $1/jobs.db $1/jobs.db-wal; chmod 0666 $1/jobs.db; chmod 0600 $1/jobs.db-wal; chmod 0777 $1",
        "check the owner and the permissions"
      ),
    ]

    private static let sqlite = """
      sqlite() {
        python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])' "$1" "$2"
      }
      """

    private static let nobody = [
      "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
    ]

    /// The command prefix of an unprivileged user; nil if there is none.
    ///
    /// Root is denied nothing, so under root the command runs as nobody, who must be able to reach it.
    private static let unprivileged: [String]? = {
      guard getuid() == 0 else { return [] }
      let reached = try? Program.run(
        Array(nobody.dropFirst()) + [Program.path, "--version"], executable: nobody[0])
      return reached?.status == 0 ? nobody : nil
    }()

    private func run(
      _ verb: String, after preparation: String, as user: [String] = []
    ) throws -> Program.Result {
      let folder = try TemporaryFolder()
      let store = folder.url.appendingPathComponent("store").path
      try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: true)
      let script = preparation.replacing("sqlite '", with: "sqlite $1/jobs.db '")
      let prepared = try Program.run(
        ["-ec", Self.sqlite + "\n" + script, "sh", store], executable: "/bin/bash")
      try #require(prepared.status == 0, "\(prepared.error)")
      // Otherwise the folder could not be removed.
      defer { chmod(store, 0o700) }
      // Ended after a while if it starts.
      let command = ["/usr/bin/timeout", "5"] + user + [Program.path, verb]
      return try Program.run(
        Array(command.dropFirst()),
        environment: [
          "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "127.0.0.1:0",
          "API_LISTEN": "127.0.0.2:0", "DATABASE_URL": "sqlite:\(store)/jobs.db",
        ], executable: command[0])
    }

    private func expectRefusal(_ result: Program.Result, _ message: String, status: Int32 = 78) {
      #expect(result.status == status)
      let lines = result.error.split(separator: "\n").filter { !$0.hasPrefix("{") }
      #expect(lines.count == 1 && lines[0].contains("DATABASE_URL: "), "\(result.error)")
      #expect(result.error.contains(message), "\(result.error)")
    }

    @Test(arguments: unusable)
    func anUnusableStoreIsRejectedWithTheRemedy(_ preparation: String, _ message: String) throws {
      expectRefusal(try run("serve", after: preparation), message)
      expectRefusal(try run("check", after: preparation), message, status: 1)
    }

    @Test(
      .enabled(if: unprivileged != nil, "nobody cannot reach the command here"), arguments: forbidden)
    func anInaccessibleStoreIsRejectedWithTheRemedy(_ preparation: String, _ message: String) throws {
      expectRefusal(try run("serve", after: preparation, as: Self.unprivileged ?? []), message)
      expectRefusal(try run("check", after: preparation, as: Self.unprivileged ?? []), message, status: 1)
    }
  }
}
