import Foundation
import LiveDaemon
import Testing

extension FleetTests {
  /// Clients that wait for the end of a job, with a daemon that creates it.
  @Suite struct WaitTests {
    @Test func `a creation that waits is answered with the ended job`() throws {
      let station = try Station(["--duration", "200ms"])
      let answer = try station.daemon.post(
        #"{"model":"demo/text","input":{}}"#,
        fields: ["Content-Type: application/json", "Prefer: wait=60"])
      #expect(answer.status == 202 && answer.fields["preference-applied"] == "wait=60")
      #expect(answer.text.contains(#""state":"succeeded""#) && answer.text.contains(#""output":"#))
    }

    @Test func `a read that waits for the end survives no restart, and is repeated`() throws {
      let station = try Station(["--duration", "3s"])
      let id = try station.submit(#"{"model":"demo/text","input":{}}"#)
      try wait("it runs") { try station.state(of: id) == "running" }
      let connection = try HTTPConnection(host: "127.0.0.2", port: station.apiPort)
      try connection.send(
        Array("GET /jobs/\(id)?wait=5m&until=end HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
      try wait("the read waits") {
        try station.daemon.fetch("/metrics").text.contains("open_streams 1\n")
      }
      // The daemon answers each wait before it ends.
      #expect(station.daemon.stop() == 0)
      let answer = try connection.receive()
      #expect(answer.status == 200 && answer.text.contains(#""state":"running""#))
      try station.replaceDaemon()
      let end = try station.daemon.fetch("/jobs/\(id)?wait=60s&until=end")
      #expect(end.status == 200 && end.text.contains(#""state":"succeeded""#))
    }
  }
}
