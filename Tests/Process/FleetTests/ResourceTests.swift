import Foundation
import LiveDaemon
import Testing

extension FleetTests {
  /// Resources of an idle daemon, and the stop of a busy one.
  @Suite struct ResourceTests {
    @Test func anIdleDaemonUsesNoProcessor() throws {
      let station = try Station(["--duration", "100ms"])
      let jobs = try (0..<20).map { _ in try station.submit(#"{"model":"demo/text","input":{}}"#) }
      for job in jobs { _ = try station.job(job, in: ["succeeded"]) }
      // An open job is polled, and costs nothing between polls.
      _ = try station.job(
        try station.submit(#"{"model":"demo/cold","input":{"simulate":{"queue_ms":60000}}}"#), in: ["pending"]
      )
      let begin = try Self.processorTime(of: station)
      let end = Date().addingTimeInterval(5)
      try wait("five seconds have passed") { Date() >= end }
      let used = try Self.processorTime(of: station) - begin
      print("resources: \(used) s of processor time in 5 s")
      #expect(used < 0.05)
    }

    @Test(arguments: [("10s", 40), ("0s", 0)])
    func aDaemonWithCallsInFlightStopsSoon(_ latency: String, _ jobs: Int) throws {
      let station = try Station(["--latency", latency])
      let submitter = Submitter(jobs, to: station.apiPort) { _ in #"{"model":"demo/text","input":{}}"# }
      try wait("all are submitted") { submitter.now.running == 0 }
      if jobs > 0 {
        try wait("calls are in flight") {
          try submitter.now.jobs.values.contains {
            (try station.daemon.job($0)["order"] as? [String: Any])?["stage"] as? String == "sending"
          }
        }
      }
      let begin = Date()
      #expect(station.daemon.stop() == 0)
      let time = Date().timeIntervalSince(begin)
      print("resources: a stop with \(jobs) jobs took \(time) s")
      #expect(time < 3)
    }

    /// Ended jobs leave no descriptors and no memory behind.
    @Test func jobsLeaveNoDescriptorsBehind() throws {
      let station = try Station(["--duration", "20ms", "--create-rate", "60000"])
      try Self.run(100, station)
      let before = try ProcessUsage(of: station.daemon.process.processIdentifier)
      try Self.run(300, station)
      let after = try ProcessUsage.of(
        station.daemon.process.processIdentifier, onceIts: \.descriptors, isAtMost: before.descriptors)
      #expect(after.descriptors <= before.descriptors)
      print("resources: \(before.residentKilobytes) KB, then \(after.residentKilobytes) KB")
      // AddressSanitizer quarantines freed memory, to detect its later use.
      guard !hasAddressSanitizer else { return }
      #expect(after.residentKilobytes < before.residentKilobytes + 20_000)
    }

    private static func run(_ count: Int, _ station: Station) throws {
      let before = try station.simulator.overview(limit: 0).created
      let prefix = "\(before)-"
      let submitter = Submitter(count, to: station.apiPort) { number in
        #"{"id":"job-\#(prefix)\#(number)","model":"demo/text","input":{}}"#
      }
      try wait("all have ended", seconds: 60) {
        let overview = try station.simulator.overview(limit: 0)
        return submitter.now.running == 0 && overview.created == before + count && overview.isSettled
      }
    }

    /// The processor time in seconds.
    ///
    /// The kernel counts it in hundredths (proc(5), utime and stime).
    private static func processorTime(of station: Station) throws -> Double {
      let text = try String(
        contentsOfFile: "/proc/\(station.daemon.process.processIdentifier)/stat", encoding: .utf8)
      let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
      guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
        throw Unusable("no processor time: \(text)")
      }
      return (user + system) / 100
    }
  }
}
