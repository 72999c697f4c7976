import PostgreSQL
import PostgreSQLServer
import Testing
import Time

/// Which server a connection is made to.
@Suite(.needsPostgreSQL) struct ConnectingTests {
  @Test func `a host that refuses is skipped, and named where none accepts`() throws {
    let server = try PostgreSQLServer.shared()
    let connection = try connect(to: "postgresql://postgres@127.0.0.1:1,127.0.0.1:\(server.port)/postgres")
    #expect(connection.server == "127.0.0.1:\(server.port)")
    let error = #expect(throws: PostgreSQLError.self) {
      _ = try connect(to: "postgresql://postgres@127.0.0.1:1,[::1]:2/x")
    }
    #expect(error?.isConnection == true)
    #expect(error?.description.contains("port 1 failed") == true)
    #expect(error?.description.contains("port 2 failed") == true)
  }

  @Test func `a standby is skipped unless the URL permits it`() throws {
    let primary = try PostgreSQLServer()
    let standby = try PostgreSQLServer(standbyOf: primary)
    let hosts = "postgresql://postgres@127.0.0.1:\(standby.port),127.0.0.1:\(primary.port)/postgres"
    #expect(try connect(to: hosts).server.hasSuffix(":\(primary.port)"))
    for attributes in ["any", "standby", "prefer-standby", "read-only"] {
      let connection = try connect(to: hosts + "?target_session_attrs=\(attributes)")
      #expect(connection.server.hasSuffix(":\(standby.port)"), "\(attributes)")
      #expect(connection.parameterStatus("in_hot_standby") == "on")
    }
    let error = #expect(throws: PostgreSQLError.self) {
      _ = try connect(to: "postgresql://postgres@127.0.0.1:\(standby.port)/postgres")
    }
    #expect(error?.description.contains("session is read-only") == true)
    standby.kill()
    #expect(
      try connect(to: hosts + "?target_session_attrs=prefer-standby").server.hasSuffix(":\(primary.port)"))
  }

  @Test func `names are resolved, and sockets need none`() throws {
    let server = try PostgreSQLServer.shared()
    let byName = try connect(to: "postgresql://postgres@localhost:\(server.port)/postgres")
    #expect(byName.server == "localhost:\(server.port)")
    let folder = server.socketFolder.split(separator: "/").joined(separator: "%2F")
    let bySocket = try connect(to: "postgresql://postgres@%2F\(folder):\(server.port)/postgres")
    #expect(bySocket.server == "\(server.socketFolder):\(server.port)")
    let error = #expect(throws: PostgreSQLError.self) { _ = try connect(to: "postgresql://u@host.invalid/d") }
    #expect(error?.description.contains("could not resolve host.invalid") == true)
  }

  @Test func `the session has the name and the encoding that this program needs`() throws {
    let server = try PostgreSQLServer.shared()
    let own = try Connection(
      to: ConnectionTarget(url: server.url() + "?client_encoding=LATIN1"), named: "writer", deadline: generous
    )
    #expect(own.parameterStatus("application_name") == "writer")
    #expect(own.parameterStatus("client_encoding") == "UTF8")
    #expect(own.parameterStatus("nothing") == nil)
    #expect(own.serverVersion >= 110_000 && !own.usesTLS && own.backendProcess > 0)
    #expect(try own.run(Query("SHOW tcp_user_timeout"), deadline: generous).text(0, 0) != nil)
    let theirs = try connect(to: server.url() + "?application_name=theirs")
    #expect(theirs.parameterStatus("application_name") == "theirs")
  }

  @Test func `a missing database, and a password that is refused`() throws {
    let server = try PostgreSQLServer(settings: ["password_encryption = 'scram-sha-256'"])
    try server.run("CREATE ROLE app LOGIN PASSWORD 'correct'")
    try server.requirePasswords()
    let url = "postgresql://app:wrong-secret@127.0.0.1:\(server.port)/postgres"
    let error = #expect(throws: PostgreSQLError.self) { _ = try connect(to: url) }
    #expect(error?.description.contains("password authentication failed for user \"app\"") == true)
    #expect(error?.description.contains("wrong-secret") == false)
    #expect(!(try connect(to: "postgresql://app:correct@127.0.0.1:\(server.port)/postgres")).isBroken)
    let missing = #expect(throws: PostgreSQLError.self) {
      _ = try connect(to: "postgresql://app:correct@127.0.0.1:\(server.port)/missing")
    }
    #expect(missing?.description.contains("database \"missing\" does not exist") == true)
  }

  @Test func `a session over TLS`() throws {
    let server = try PostgreSQLServer()
    try server.enableTLS()
    let connection = try connect(to: server.url() + "?sslmode=require")
    #expect(connection.usesTLS)
    // Records of TLS and messages of the protocol overlap in many ways.
    for size in stride(from: 8_000, to: 60_000, by: 1_777) {
      let rows = try connection.run(
        Query("SELECT repeat('x', $1::int) FROM generate_series(1, 5)"), [.text("\(size)")],
        deadline: generous)
      #expect(rows.count == 5 && rows.text(4, 0)?.utf8.count == size)
    }
  }
}
