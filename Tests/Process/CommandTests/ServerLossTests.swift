import Foundation
import LiveDaemon
import PostgreSQLServer
import Testing

extension ProcessTests {
  /// The daemon without its PostgreSQL server, and after a failover.
  @Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct ServerLossTests {
    private func status(_ path: String, of daemon: Daemon) throws -> Int { try daemon.fetch(path).status }

    private func deliver(_ id: String, to daemon: Daemon) throws -> Int {
      try daemon.post(SignedDelivery(id: id, prediction: "p-\(id)", status: "succeeded")).status
    }

    /// The loop answers, readiness ends within its time, and all is as before once the server is back.
    @Test func `readiness follows the server, and liveness does not`() throws {
      let server = try PostgreSQLServer()
      let daemon = try Daemon(in: TemporaryFolder(), environment: ["DATABASE_URL": server.url()])
      #expect(try deliver("a", to: daemon) == 200 && status("/readyz", of: daemon) == 200)
      server.kill()
      let start = ContinuousClock.now
      #expect(try status("/readyz", of: daemon) == 503)
      #expect(ContinuousClock.now - start < .seconds(5))
      let alive = ContinuousClock.now
      #expect(try status("/healthz", of: daemon) == 200)
      #expect(ContinuousClock.now - alive < .seconds(1))
      #expect(try deliver("b", to: daemon) == 503)
      try server.start()
      try wait("the daemon is ready again") { try status("/readyz", of: daemon) == 200 }
      #expect(try deliver("b", to: daemon) == 200 && status("/jobs/p-a", of: daemon) == 200)
      let log = daemon.logAfterStop()
      #expect(log.contains("connection to the database lost"), "\(log)")
      #expect(log.contains("connected to the database again"), "\(log)")
    }

    @Test func `a daemon without its server stops within its grace`() throws {
      let server = try PostgreSQLServer()
      let daemon = try Daemon(
        in: TemporaryFolder(), environment: ["DATABASE_URL": server.url(), "SHUTDOWN_GRACE": "3s"])
      #expect(try deliver("a", to: daemon) == 200)
      server.kill()
      let waiting = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      try waiting.send(SignedDelivery(id: "b", prediction: "p-b", status: "succeeded").request)
      let start = ContinuousClock.now
      _ = daemon.stop()
      #expect(ContinuousClock.now - start < .seconds(6))
    }

    /// The primary's last commits are on the standby, because each waited for it.
    @Test func `the daemon goes on with the standby that was promoted`() throws {
      let primary = try PostgreSQLServer()
      let standby = try PostgreSQLServer(standbyOf: primary)
      try primary.requireStandby("s1")
      let url =
        "postgresql://\(PostgreSQLServer.user)@127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)/postgres"
      let daemon = try Daemon(
        in: TemporaryFolder(), environment: ["DATABASE_URL": url, "REQUIRE_STANDBY": "1"])
      try daemon.waitForLog("commits_reach=\"1 standby\"")
      #expect(try deliver("a", to: daemon) == 200)
      primary.kill()
      try standby.promote()
      // No standby is left to confirm commits, and one is required.
      #expect(try deliver("b", to: daemon) == 503)
      #expect(try status("/jobs/p-a", of: daemon) == 200)
      try standby.configure(["synchronous_standby_names": "s2"])
      let second = try PostgreSQLServer(standbyOf: standby, named: "s2")
      try standby.requireStandby("s2")
      try wait("the daemon is ready again") { try status("/readyz", of: daemon) == 200 }
      #expect(try deliver("b", to: daemon) == 200 && second.isRunning)
    }
  }
}
