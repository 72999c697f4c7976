import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// A daemon whose standard error is a full, unread pipe.
  ///
  /// Every write to it blocks.
  @Suite struct UnreadLogTests {
    @Test(arguments: [(1, 0), (2, 1)])
    func aDaemonWithAnUnreadLogServesAndStops(_ signals: Int, _ status: Int32) throws {
      let daemon = try Daemon(
        in: TemporaryFolder(), environment: ["LOG_LEVEL": "info", "SHUTDOWN_GRACE": "60s"], readsLog: false)
      // More lines than the 64 KiB of a pipe hold.
      for number in 0..<500 {
        let delivery = try SignedDelivery(id: "m\(number)", prediction: "p\(number)", status: "succeeded")
        #expect(try daemon.post(delivery).status == 200)
      }
      // An open request, so that the first signal does not end it.
      let unfinished = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      if signals > 1 { try unfinished.send(Array("GET /healthz HTTP/1.1\r\n".utf8)) }
      #expect(try daemon.fetch("/readyz").status == 200)
      for number in 1...signals {
        if number > 1 { try wait("draining") { try daemon.fetch("/readyz").status == 503 } }
        kill(daemon.process.processIdentifier, SIGTERM)
      }
      try wait("the end with an unread log") { !daemon.process.isRunning }
      #expect(daemon.process.terminationStatus == status)
    }
  }
}
