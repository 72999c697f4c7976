import Foundation
import LiveDaemon
@testable import System
import Testing

import class System.BlockingQueue

extension ProcessTests {
  /// A 2xx means committed, which kills and locks right after it show.
  @Suite struct DurabilityTests {
    /// Sends deliveries until the connection breaks. Returns the predictions whose delivery was acknowledged.
    private static func send(to port: Int, prefix: String) throws -> [String] {
      let connection = try HTTPConnection(host: "127.0.0.1", port: port)
      var acknowledged: [String] = []
      for number in 0..<100_000 {
        let prediction = "\(prefix)-\(number)"
        let delivery = try SignedDelivery(id: "m-\(prediction)", prediction: prediction, status: "succeeded")
        do {
          try connection.send(delivery.request)
          guard try connection.receive().status == 200 else { continue }
        } catch {
          return acknowledged
        }
        acknowledged.append(prediction)
      }
      return acknowledged
    }

    @Test(arguments: 0..<5)
    func acknowledgedDeliveriesSurviveAKill(_ round: Int) throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder, environment: ["LOG_LEVEL": "notice"])
      let port = daemon.webhookPort
      // Blocking threads, because the tests' thread pool is small.
      let sent = BlockingQueue<[String]>(capacity: 3)
      for prefix in ["a", "b", "c"] {
        Thread.detachNewThread { _ = sent.push((try? Self.send(to: port, prefix: prefix)) ?? []) }
      }
      // Killed after a number of commits that differs by round.
      let enough = 20 + 37 * round
      var polls = 0
      while try commits(of: daemon) < enough {
        polls += 1
        try #require(polls < 50_000, "the senders have stopped")
      }
      daemon.killAtOnce()
      var lists: [[String]] = []
      while lists.count < 3 {
        let more = try #require(sent.popAll(timeout: .seconds(60)))
        try #require(!more.isEmpty, "a sender did not end")
        lists += more
      }
      let acknowledged = lists.flatMap(\.self)
      #expect(!acknowledged.isEmpty)

      let again = try Daemon(in: folder)
      for prediction in acknowledged {
        #expect(try again.job(prediction)["state"] as? String == "succeeded", "\(prediction) is lost")
      }
      // Its sender retries, and receives an acknowledgement as a duplicate.
      let last = try #require(acknowledged.last)
      let repeated = try again.post(SignedDelivery(id: "m-\(last)", prediction: last, status: "succeeded"))
      #expect(repeated.text.contains(#""duplicate":true"#))
    }

    private func commits(of daemon: Daemon) throws -> Int {
      let page = try daemon.fetch("/metrics").text
      let line = page.split(separator: "\n").first { $0.hasPrefix("replicate_webhookd_commits_total ") }
      return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
    }

    @Test func aStoreThatCannotBeWrittenIsA503AndServiceResumesByItself() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      let delivery = try SignedDelivery(id: "m", prediction: "p", status: "succeeded")
      let database = folder.url.appendingPathComponent("replicate-webhookd.db").path
      let locker = try LockHolder(database)
      let refused = try daemon.post(delivery)
      #expect(refused.status == 503 && refused.code == "store_unavailable")
      #expect(refused.fields["retry-after"] == "5")
      #expect(try daemon.fetch("/readyz").status == 503)
      #expect(try daemon.fetch("/jobs").status == 200)
      try locker.release()
      #expect(try daemon.fetch("/readyz").status == 200)
      #expect(try daemon.post(delivery).text == #"{"received":true,"duplicate":false}"#)
      #expect(daemon.logAfterStop().contains("another process holds the database's lock"))
    }

    @Test func aStopIsOrderlyAndLeavesOneFile() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      #expect(try daemon.post(SignedDelivery(id: "m", prediction: "p", status: "succeeded")).status == 200)
      let idle = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      #expect(daemon.stop() == 0)
      withExtendedLifetime(idle) {}
      let wal = folder.url.appendingPathComponent("replicate-webhookd.db-wal").path
      let size = try? FileManager.default.attributesOfItem(atPath: wal)[.size] as? Int
      #expect((size ?? 0) == 0)
    }
  }
}
