import Foundation
import Synchronization
import Testing

extension ProcessTests {
  /// What a hostile network does all at once, while an honest sender must notice nothing of it.
  @Suite struct SiegeTests {
    @Test func anHonestDeliveryIsAcknowledgedWithinASecondUnderSiege() throws {
      let folder = try TemporaryFolder()
      // Shorter than by default, so that each runs out several times.
      let daemon = try Daemon(
        in: folder,
        environment: [
          "LOG_LEVEL": "notice", "FIRST_BYTE_TIMEOUT": "2s", "HEADER_TIMEOUT": "2s", "BODY_TIMEOUT": "2s",
          "IDLE_TIMEOUT": "4s",
        ])
      try warmUp(daemon)
      let before = try ProcessUsage(of: daemon.process.processIdentifier)

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

      let after = try usage(of: daemon, onceIts: \.descriptors, isAtMost: before.descriptors)
      #expect(after.descriptors <= before.descriptors)
      let settled = try usage(
        of: daemon, onceIts: \.residentKilobytes, isAtMost: before.residentKilobytes + 8192)
      #expect(
        settled.residentKilobytes <= before.residentKilobytes + 8192,
        "\(before.residentKilobytes) KB before, \(settled.residentKilobytes) KB after")
    }

    /// What a daemon keeps for good once it has worked is not what a siege leaves behind.
    private func warmUp(_ daemon: Daemon) throws {
      for number in 0..<200 {
        let delivery = try SignedDelivery(id: "w-\(number)", prediction: "w-\(number)", status: "succeeded")
        #expect(try daemon.post(delivery).status == 200)
      }
    }

    /// The daemon's usage, as soon as one figure is low enough, or after half a minute.
    private func usage(
      of daemon: Daemon, onceIts figure: KeyPath<ProcessUsage, Int>, isAtMost bound: Int
    ) throws -> ProcessUsage {
      for _ in 0..<600 {
        let usage = try ProcessUsage(of: daemon.process.processIdentifier)
        if usage[keyPath: figure] <= bound { return usage }
        poll(nil, 0, 50)
      }
      return try ProcessUsage(of: daemon.process.processIdentifier)
    }
  }
}

/// What a process holds, as the kernel tells it (proc(5)).
struct ProcessUsage {
  let descriptors: Int
  let residentKilobytes: Int

  init(of processID: Int32) throws {
    descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(processID)/fd").count
    let status = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    residentKilobytes = try #require(Int(line.split(whereSeparator: \.isWhitespace)[1]))
  }
}
