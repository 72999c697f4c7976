import Foundation
import LiveDaemon
import PostgreSQL
import PostgreSQLServer
import Testing

extension ProcessTests {
  /// `move` from a SQLite file into a PostgreSQL database.
  @Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct MoveTests {
    private let folder: TemporaryFolder
    private let server: PostgreSQLServer
    private let database: TestDatabase

    init() throws {
      folder = try TemporaryFolder()
      server = try .shared()
      database = try server.makeDatabase()
    }

    /// Nothing listens on port 1: orders stay queued, and open jobs as they are.
    private static let settings = [
      "REPLICATE_API_TOKEN": "r8_of_a_stand_in", "REPLICATE_API_URL": "http://127.0.0.1:1",
    ]

    private func daemon(_ settings: [String: String] = [:]) throws -> Daemon {
      try Daemon(in: folder, environment: Self.settings.merging(settings) { $1 })
    }

    private func move(to url: String, _ arguments: [String] = []) throws -> Program.Result {
      try Program.run(
        ["move", "--from", "sqlite:\(folder.url.path)/replicate-webhookd.db"] + arguments,
        environment: ["DATABASE_URL": url])
    }

    /// Jobs of all states, orders, metadata, tombstones, sums, and texts with NUL.
    private func fill(_ daemon: Daemon, with count: Int = 3) throws {
      let logs = String(repeating: "x", count: 20_000)
      for number in 0..<count {
        let bodies = [
          #"{"id":"open-\#(number)","status":"starting","input":{"a":1}}"#,
          #"{"id":"done-\#(number)","status":"starting","model":"o/m\u0000x"}"#,
          #"{"id":"done-\#(number)","status":"succeeded","model":"o/m\u0000x","output":[1],"#
            + #""logs":"\#(logs)","metrics":{"predict_time":1.5}}"#,
          #"{"id":"bad-\#(number)","status":"failed","error":"no\u0000","model":"o/m"}"#,
        ]
        for (index, body) in bodies.enumerated() {
          let delivery = try SignedDelivery(id: "m\(number)-\(index)", body: Array(body.utf8))
          #expect(try daemon.post(delivery).status == 200)
        }
        let order = #"{"id":"order-\#(number)","model":"o/m","input":{},"metadata":{"k":"v\#(number)"}}"#
        #expect(try daemon.post(order).status == 202)
      }
      #expect(try daemon.fetch("/jobs/bad-0", method: "DELETE").status == 204)
    }

    /// What an app sees; order and search times are left out, because the daemon goes on trying.
    private func views(of daemon: Daemon) throws -> [String] {
      let paths = [
        "/jobs/open-0", "/jobs/done-1", "/jobs/bad-1", "/jobs/bad-0", "/jobs/done-1/history",
        "/jobs?state=succeeded&include=output,input,metrics", "/jobs?state=failed", "/usage", "/counts",
        "/jobs?state=running", "/jobs/done-2/logs",
      ]
      return try paths.map { path in
        let answer = try daemon.fetch(path)
        return "\(path) \(answer.status) \(answer.text)"
      }
    }

    @Test func `a moved store shows what the file has shown`() throws {
      let before = try daemon()
      try fill(before)
      let old = try views(of: before)
      let cursor = try #require(
        try JSONSerialization.jsonObject(with: Data(before.fetch("/events?limit=1").body)) as? [String: Any])
      let held = try move(to: database.url)
      #expect(held.status == 1 && held.error.contains("another daemon serves this database"), "\(held)")
      #expect(before.stop() == 0)
      let moved = try move(to: database.url)
      #expect(moved.status == 0 && moved.output.contains("compared all of them"), "\(moved)")
      let after = try daemon(["DATABASE_URL": database.url])
      #expect(try views(of: after) == old)
      #expect(try after.fetch("/jobs?metadata.k=v1").text.contains("\"order-1\""))
      // Numbers go on behind the moved ones.
      #expect(try after.post(#"{"id":"new","model":"o/m","input":{}}"#).status == 202)
      let repeated = try SignedDelivery(
        id: "m1-0", body: Array(#"{"id":"open-1","status":"starting","input":{"a":1}}"#.utf8))
      #expect(try after.post(repeated).text.contains(#""duplicate":true"#))
      let next = try #require(cursor["next"] as? String ?? cursor["after"] as? String)
      #expect(try after.fetch("/events?after=\(next)").status >= 400)
      #expect(try move(to: database.url).error.contains("stop them first"))
      #expect(after.stop() == 0)
      #expect(try move(to: database.url).error.contains("holds jobs already"))
    }

    /// The connection is cut in the middle of the rows, and no daemon starts on half a store.
    @Test func `an interrupted move goes on`() throws {
      let before = try daemon()
      try fill(before, with: 120)
      let old = try views(of: before)
      #expect(before.stop() == 0)
      let relay = try TCPRelay(before: server.port)
      relay.cutNext(.afterBytes(1_500_000, from: .client))
      let cut = try move(to: relay.url(database: database.name))
      #expect(cut.status == 69 && cut.error.contains("repeat the command"), "\(cut)")
      #expect(relay.cutCount == 1)
      let half = try Program.run(
        ["serve"],
        environment: ["REPLICATE_WEBHOOK_SECRET": Daemon.secret, "DATABASE_URL": database.url])
      #expect(half.status == 78 && half.error.contains("has not ended"), "\(half)")
      let copied = try database.run("SELECT count(*) FROM jobs").integer(0, 0)
      let moved = try move(to: database.url)
      #expect(moved.status == 0, "\(moved)")
      #expect(copied < (try database.run("SELECT count(*) FROM jobs").integer(0, 0)))
      #expect(try views(of: daemon(["DATABASE_URL": database.url])) == old)
    }

    @Test func `rows that differ from the file keep the store unusable`() throws {
      let before = try daemon()
      try fill(before)
      #expect(before.stop() == 0)
      #expect(try Program.run(["migrate"], environment: ["DATABASE_URL": database.url]).status == 0)
      // Every inserted body is another.
      try database.run(
        """
        CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN NEW.body := NEW.body || 'x'; RETURN NEW; END $$
        """)
      try database.run("CREATE TRIGGER spoil BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION spoil()")
      let spoiled = try move(to: database.url)
      #expect(spoiled.status == 1 && spoiled.error.contains("table jobs differs"), "\(spoiled)")
      try database.run("DROP TRIGGER spoil ON jobs")
      #expect(try move(to: database.url).status == 1)
      #expect(try move(to: database.url, ["--restart"]).status == 0)
    }
  }
}
