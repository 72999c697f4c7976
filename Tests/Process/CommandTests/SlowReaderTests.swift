import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// Sixty connections that request a large answer and do not read it.
  @Suite struct SlowReaderTests {
    private static let megabytes = 32
    private static let readers = 60

    @Test func slowReadersCostBoundedMemoryAndNoOrder() throws {
      let daemon = try Daemon(
        in: TemporaryFolder(),
        environment: [
          "MAX_BYTES_IN_FLIGHT": "\(Self.megabytes)MiB", "REPLICATE_API_TOKEN": "r8_0123456789",
          "REPLICATE_API_URL": "http://127.0.0.1:1", "PUBLIC_URL": "https://hooks.example.com",
        ])
      let output = String(repeating: "x", count: 6 << 20)
      let body = Array(#"{"id":"p","status":"succeeded","output":"\#(output)"}"#.utf8)
      #expect(try daemon.post(SignedDelivery(id: "m", body: body)).status == 200)
      // Once beforehand, because the memory of rendering is not compared.
      #expect(try daemon.fetch("/jobs/p").body.count > 6 << 20)
      let processID = daemon.process.processIdentifier
      let before = try ProcessUsage(of: processID).residentKilobytes

      var readers: [HTTPConnection] = []
      for number in 0..<Self.readers {
        let reader = try HTTPConnection(host: "127.0.0.2", port: daemon.apiPort, receiveBuffer: 4096)
        try reader.send(Array("GET /jobs/p HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n".utf8))
        readers.append(reader)
        let order = #"{"model":"owner/name","id":"order-\#(number)","input":{"prompt":"a fox"}}"#
        #expect(try daemon.post(order).status == 202)
        let kilobytes = try ProcessUsage(of: processID).residentKilobytes - before
        #expect(kilobytes < (Self.megabytes + 48) << 10, "\(kilobytes) KB more after \(number + 1) readers")
      }
      let evicted = try daemon.fetch("/metrics").text.split(separator: "\n")
        .first { $0.hasPrefix("replicate_webhookd_evicted_connections_total ") }
      #expect(evicted?.hasSuffix(" 0") == false)
      withExtendedLifetime(readers) {}
    }
  }
}
