import Foundation
import LiveDaemon
import PostgreSQL
import PostgreSQLServer
import Testing

extension ProcessTests {
  /// The commands and the daemon's start with a PostgreSQL database.
  @Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct ServerStoreTests {
    private let database: TestDatabase

    init() throws { database = try PostgreSQLServer.shared().makeDatabase() }

    private func run(_ arguments: [String], _ settings: [String: String] = [:]) throws -> Program.Result {
      try Program.run(
        arguments,
        environment: [
          "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "DATABASE_URL": database.url,
          "WEBHOOK_LISTEN": "127.0.0.1:0", "API_LISTEN": "127.0.0.2:0",
        ].merging(settings) { $1 })
    }

    @Test func `serve creates the store, and check describes it`() throws {
      let before = try run(["check"])
      #expect(before.status == 0 && before.output.contains("store      does not exist yet"), "\(before)")
      let daemon = try Daemon(in: TemporaryFolder(), environment: ["DATABASE_URL": database.url])
      #expect(try daemon.post(SignedDelivery(id: "m", prediction: "p", status: "succeeded")).status == 200)
      #expect(try daemon.job("p")["state"] as? String == "succeeded")
      let after = try run(["check"])
      #expect(after.status == 0, "\(after)")
      for line in ["commits    reach local disk", "store      has schema 2", "a daemon serves this database"]
      {
        #expect(after.output.contains(line), "\(line): \(after)")
      }
      #expect(daemon.stop() == 0)
    }

    @Test func `a build answers for a required standby`() throws {
      for verb in ["check", "serve"] {
        let result = try run([verb], ["REQUIRE_STANDBY": "1"])
        #expect(result.status == (verb == "serve" ? 69 : 1))
        #expect(result.error.contains("REQUIRE_STANDBY"), "\(result)")
      }
    }

    @Test(arguments: ["fsync", "synchronous_commit"])
    func `a server that loses commits is refused`(_ setting: String) throws {
      let server = try PostgreSQLServer(settings: ["\(setting) = off"])
      let result = try run(["serve"], ["DATABASE_URL": server.url()])
      #expect(result.status == 69 && result.error.contains("\(setting) = off"), "\(result)")
    }

    @Test func `migrate lists, creates and marks`() throws {
      let listed = try run(["migrate", "--dry-run"])
      #expect(listed.status == 0 && listed.output == "pending    create the store\n", "\(listed)")
      let made = try run(["migrate"])
      #expect(made.status == 0 && made.output.contains("created    the store"), "\(made)")
      let again = try run(["migrate", "--dry-run"])
      #expect(again.status == 0 && again.output == "schema     is this version's\n", "\(again)")
      let marked = try run(["migrate", "--restored"])
      #expect(marked.status == 0 && marked.output.contains("restored "), "\(marked)")
      let epoch = "SELECT encode(epoch, 'hex') FROM feed"
      let before = try database.run(epoch).text(0, 0)
      let daemon = try Daemon(
        in: TemporaryFolder(),
        environment: ["DATABASE_URL": database.url, "REPLICATE_API_TOKEN": "r8_of_a_stand_in"])
      try daemon.waitForLog("database is a restored backup")
      #expect(try database.run(epoch).text(0, 0) != before)
    }

    @Test func `a role that may not create tables starts after migrate`() throws {
      let role = "limited_\(database.name)"
      try database.run("CREATE ROLE \(role) LOGIN")
      defer { _ = try? database.run("DROP OWNED BY \(role); DROP ROLE \(role)") }
      try database.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
      let url = database.url.replacing("postgresql://postgres@", with: "postgresql://\(role)@")
      let refused = try run(["serve"], ["DATABASE_URL": url])
      #expect(refused.status == 78 && refused.error.contains("migrate"), "\(refused)")
      #expect(try run(["migrate"]).status == 0)
      let locked = try run(["check"], ["DATABASE_URL": url])
      #expect(locked.status == 1 && locked.error.contains("GRANT"), "\(locked)")
      try database.run("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \(role)")
      try database.run("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO \(role)")
      let daemon = try Daemon(in: TemporaryFolder(), environment: ["DATABASE_URL": url])
      #expect(try daemon.post(SignedDelivery(id: "m", prediction: "p", status: "starting")).status == 200)
    }

    @Test func `backup names the tools of the server`() throws {
      let result = try run(["backup", "copy"])
      #expect(result.status == 64 && result.error.contains("pg_basebackup"), "\(result)")
    }

    /// Nothing listens on port 1.
    @Test(arguments: ["check", "serve", "migrate", "backup", "move"])
    func `no command shows a password`(_ verb: String) throws {
      let url = "postgresql://hooks:hunter2@127.0.0.1:1,127.0.0.1:2/hooks?sslpassword=hunter2"
      let arguments = ["backup": ["backup", "copy"], "move": ["move", "--from", "sqlite:none.db"]]
      let result = try run(arguments[verb] ?? [verb], ["DATABASE_URL": url])
      #expect(result.status != 0 && !result.error.isEmpty)
      #expect(!(result.output + result.error).contains("hunter2"), "\(result)")
    }

    @Test func `a server that does not answer may answer the next start`() throws {
      let result = try run(["serve"], ["DATABASE_URL": "postgresql://hooks@127.0.0.1:1/hooks"])
      #expect(result.status == 69 && result.error.contains("Connection refused"), "\(result)")
    }

    /// https://prometheus.io/docs/practices/naming/
    @Test func `its metrics are in the README`() throws {
      let readme = try String(
        contentsOf: Program.root.appendingPathComponent("README.md"), encoding: .utf8)
      let daemon = try Daemon(in: TemporaryFolder(), environment: ["DATABASE_URL": database.url])
      let lines = try daemon.fetch("/metrics").text.split(separator: "\n")
      let names = lines.filter { $0.hasPrefix("# TYPE replicate_webhookd_") }.map { line in
        (line.split(separator: " ")[2].dropFirst("replicate_webhookd_".count), line.hasSuffix(" counter"))
      }
      #expect(names.contains { $0.0 == "commit_standbys" } && !names.contains { $0.0 == "wal_size_bytes" })
      for (name, isCounter) in names {
        #expect(readme.contains("`\(name)`") && name.hasSuffix("_total") == isCounter, "\(name)")
      }
    }
  }
}
