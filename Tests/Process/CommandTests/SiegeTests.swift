import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// A hostile network, which must not affect an honest sender.
  @Suite struct SiegeTests {
    @Test func anHonestDeliveryIsAcknowledgedWithinASecondUnderSiege() throws {
      let folder = try TemporaryFolder()
      // Shorter than by default, so that each expires several times.
      let daemon = try Daemon(
        in: folder,
        environment: [
          "LOG_LEVEL": "notice", "FIRST_BYTE_TIMEOUT": "2s", "HEADER_TIMEOUT": "2s", "BODY_TIMEOUT": "2s",
          "IDLE_TIMEOUT": "4s",
        ])
      try warmUp(daemon)
      let before = try ProcessUsage(of: daemon.process.processIdentifier)

      #expect(try SecurityPage.has("\(Siege.size / 1000),000 on the webhooks listener"))
      let siege = Siege(port: daemon.webhookPort)
      try siege.waitUntilComplete()
      var slowest = Duration.zero
      let start = ContinuousClock.now
      var number = 0
      while ContinuousClock.now - start < .seconds(10) {
        let delivery = try SignedDelivery(id: "m-\(number)", prediction: "p-\(number)", status: "succeeded")
        number += 1
        let sent = ContinuousClock.now
        #expect(try daemon.post(delivery).status == 200)
        slowest = max(slowest, ContinuousClock.now - sent)
        poll(nil, 0, 20)
      }
      #expect(slowest < .seconds(1), "the slowest of \(number) took \(slowest)")
      #expect(siege.weakest == nil, "the siege itself fell short of \(siege.weakest ?? "")")
      try siege.end()

      let processID = daemon.process.processIdentifier
      let after = try ProcessUsage.of(processID, onceIts: \.descriptors, isAtMost: before.descriptors)
      #expect(after.descriptors <= before.descriptors)
      let settled = try ProcessUsage.of(
        processID, onceIts: \.residentKilobytes, isAtMost: before.residentKilobytes + 8192)
      #expect(
        settled.residentKilobytes <= before.residentKilobytes + 8192,
        "\(before.residentKilobytes) KB before, \(settled.residentKilobytes) KB after")
    }

    /// Warms up the daemon.
    ///
    /// Memory kept after its first work is not left by the siege.
    private func warmUp(_ daemon: Daemon) throws {
      for number in 0..<200 {
        let delivery = try SignedDelivery(id: "w-\(number)", prediction: "w-\(number)", status: "succeeded")
        #expect(try daemon.post(delivery).status == 200)
      }
    }
  }
}
