import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  @Suite struct JSONLogTests {
    private func lines(_ log: String) throws -> [[String: Any]] {
      try log.split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)")
      }
    }

    /// Only where standard error is the stream that the variable names.
    @Test(arguments: [true, false])
    func `lines for the journal begin with their priority`(_ isStream: Bool) throws {
      let name = isStream ? "$(stat -L -c %d:%i /proc/self/fd/2)" : "1:1"
      let command = "export JOURNAL_STREAM=\(name); exec \"$0\" \"$@\""
      let daemon = try Daemon(
        in: TemporaryFolder(), wrapper: ["/bin/sh", "-c", command])
      #expect(try daemon.post(SignedDelivery(id: "1", prediction: "2", status: "starting")).status == 200)
      let log = daemon.logAfterStop()
      let delivery = try #require(log.split(separator: "\n").first { $0.contains("delivery") })
      #expect(delivery.hasPrefix(isStream ? "<6>2" : "2"), "\(delivery)")
      #expect(log.hasPrefix(isStream ? "<5>2" : "2"), "\(log)")
    }

    @Test func numbersAreNumbersInJSONLines() throws {
      let daemon = try Daemon(in: TemporaryFolder(), environment: ["LOG_FORMAT": "json"])
      // An id of only digits is not a number.
      #expect(try daemon.post(SignedDelivery(id: "1", prediction: "2", status: "starting")).status == 200)
      for _ in 0..<20 {
        let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
        try connection.send(Array("GET /none HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(try connection.receive().status == 404)
      }
      let lines = try lines(daemon.logAfterStop())
      let delivery = try #require(lines.first { $0["message"] as? String == "delivery" })
      for name in ["bytes", "microseconds", "revision", "secret"] {
        #expect(delivery[name] is NSNumber, "\(name)")
      }
      #expect(delivery["webhook_id"] as? String == "1" && delivery["prediction_id"] as? String == "2")
      let refusals = lines.filter { $0["message"] as? String == "refused" }
      #expect(refusals.compactMap { $0["status"] as? Int }.first == 404)
      #expect(refusals.compactMap { $0["suppressed"] as? Int }.reduce(0, +) == 10)
      // In every line, a value of only digits is a number, except ids.
      for line in lines {
        for (name, value) in line where !name.hasSuffix("_id") && name != "job" {
          let text = value as? String ?? ""
          #expect(text.isEmpty || !text.allSatisfy(\.isNumber), "\(name)=\(text)")
        }
      }
    }
  }
}
