import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// The metrics of a running daemon.
  @Suite struct MetricsTests {
    /// The value of a sample.
    private func value(_ sample: String, of daemon: Daemon) throws -> Double {
      let line = try daemon.fetch("/metrics").text.split(separator: "\n").first {
        $0.hasPrefix("replicate_webhookd_\(sample) ")
      }
      return try #require(line?.split(separator: " ").last.flatMap { Double($0) }, "\(sample)")
    }

    private func wait(_ expected: String, until condition: () throws -> Bool) throws {
      for _ in 0..<4000 {
        if try condition() { return }
        poll(nil, 0, 5)
      }
      throw Unusable("timed out waiting for \(expected)")
    }

    private func delivery(_ number: Int) throws -> SignedDelivery {
      try SignedDelivery(id: "m\(number)", prediction: "p\(number)", status: "succeeded")
    }

    /// https://prometheus.io/docs/practices/naming/
    @Test func everyMetricIsNamedByTheConventionsAndInTheReadme() throws {
      let readme = try String(
        contentsOf: Program.root.appendingPathComponent("README.md"), encoding: .utf8)
      let lines = try Daemon(in: TemporaryFolder()).fetch("/metrics").text.split(separator: "\n")
      let types = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ") }
      #expect(types.count >= 25)
      for type in types {
        let isOwn = type[2].hasPrefix("replicate_webhookd_")
        #expect(isOwn || type[2].hasPrefix("process_"), "\(type[2])")
        let name = isOwn ? type[2].dropFirst(19) : type[2]
        #expect(name.hasSuffix("_total") == (type[3] == "counter"), "\(name)")
        #expect(readme.contains("`\(name)`"), "\(name)")
        #expect(lines.contains { $0.hasPrefix("# HELP \(type[2]) ") && $0.hasSuffix(".") }, "\(name)")
      }
      #expect(Set(types.map { $0[2] }).count == types.count)
    }

    @Test func theSizeOfTheWALIsThatOfItsFile() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      for number in 0..<3 { #expect(try daemon.post(delivery(number)).status == 200) }
      let path = folder.url.path + "/replicate-webhookd.db-wal"
      try wait("the size of the WAL") {
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        return try size > 0 && value("wal_size_bytes", of: daemon) == Double(size)
      }
    }

    @Test func theProcessAndTheDatabaseAreMeasured() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      let path = folder.url.path + "/replicate-webhookd.db"
      let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      #expect(try value("database_size_bytes", of: daemon) == Double(try #require(size)))
      #expect(try value("free_bytes", of: daemon) > 0)
      let lines = try daemon.fetch("/metrics").text.split(separator: "\n")
      func process(_ name: String) throws -> Double {
        let line = lines.first { $0.hasPrefix("process_\(name) ") }
        return try #require(line?.split(separator: " ").last.flatMap { Double($0) }, "\(name)")
      }
      let started = try process("start_time_seconds")
      #expect((started...started + 600).contains(Date().timeIntervalSince1970))
      #expect(try process("cpu_seconds_total") > 0)
      #expect(try process("resident_memory_bytes") > 1_000_000)
      #expect(try process("open_fds") >= 5)
      #expect(try process("open_fds") < process("max_fds"))
      #expect(try process("threads") >= 3)
    }

    /// What an operator sees of requests, whichever way they end.
    @Test func `responses are counted by route and status`() throws {
      let daemon = try Daemon(in: TemporaryFolder())
      #expect(try daemon.post(delivery(1)).status == 200)
      for path in ["/jobs/p1", "/jobs/none", "/jobs/p1?wait=1s", "/none", "/jobs?limit=0"] {
        _ = try daemon.fetch(path)
      }
      for (sample, count) in [
        (#"method="POST",route="/webhooks/replicate",status="200""#, 1.0),
        // One of them as a stream.
        (#"method="GET",route="/jobs/{id}",status="200""#, 2),
        (#"method="GET",route="/jobs/{id}",status="404""#, 1),
        (#"method="GET",route="/jobs",status="400""#, 1),
        (#"method="none",route="none",status="404""#, 1),
      ] {
        #expect(try value("requests_total{\(sample)}", of: daemon) == count, "\(sample)")
      }
      let duration = #"request_duration_seconds_count{method="POST",route="/webhooks/replicate"}"#
      #expect(try value(duration, of: daemon) == 1)
      let ends = #"job_ends_total{model="",state="succeeded",code=""}"#
      #expect(try value(ends, of: daemon) == 1)
    }

    @Test func theQueueGrowsWhileTheStoreIsLocked() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      #expect(try daemon.post(delivery(0)).status == 200)
      let locker = try LockHolder(folder.url.path + "/replicate-webhookd.db")
      // The writer takes the first one, and waits for the lock.
      let connections = try (1...3).map { number in
        let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
        try connection.send(delivery(number).request)
        poll(nil, 0, 100)
        return connection
      }
      try wait("a queue") { try value("commit_queue_depth", of: daemon) >= 2 }
      try locker.release()
      for connection in connections { #expect(try connection.receive().status == 200) }
      try wait("an empty queue") { try value("commit_queue_depth", of: daemon) == 0 }
    }

    /// A process that is stopped runs its timers late.
    @Test func aStalledLoopShowsItsLag() throws {
      let daemon = try Daemon(in: TemporaryFolder(), environment: ["FIRST_BYTE_TIMEOUT": "1s"])
      let silent = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      try wait("two connections") { try value("open_connections", of: daemon) == 2 }
      #expect(try value(#"event_loop_lag_seconds{listener="webhooks"}"#, of: daemon) < 1)
      kill(daemon.process.processIdentifier, SIGSTOP)
      poll(nil, 0, 2500)
      kill(daemon.process.processIdentifier, SIGCONT)
      try wait("lag") { try value(#"event_loop_lag_seconds{listener="webhooks"}"#, of: daemon) > 1 }
      #expect(try value(#"event_loop_lag_seconds{listener="api"}"#, of: daemon) >= 0)
      withExtendedLifetime(silent) {}
    }
  }
}
