import Foundation
import LiveDaemon
import Testing

extension FleetTests {
  /// No prediction is created twice, because each costs money.
  @Suite struct CreatedOnceTests {
    /// A third of the calls fail, half of them after taking effect.
    ///
    /// No webhook arrives, so each prediction has to be found in the list, which shows webhooks or not.
    @Test(arguments: [false, true])
    func lostAnswersMakeNoSecondPrediction(_ listsWebhooks: Bool) throws {
      let count = 40
      let station = try Station(
        ["--lose", "1", "--api-errors", "0.3", "--duration", "100ms", "--create-rate", "60000"]
          + (listsWebhooks ? ["--list-webhooks"] : []))
      let submitter = Submitter(count, to: station.apiPort) { _ in #"{"model":"demo/text","input":{}}"# }
      try wait("all are submitted") { submitter.now.running == 0 }
      try Self.waitForTheEnd(of: submitter, station, seconds: 150)
      let predictions = try station.simulator.overview().predictions
      #expect(predictions.filter { $0.createCount != 1 }.map(\.webhook) == [])
      #expect(predictions.count == count)
    }

    /// The steps of deploy/failures.md.
    ///
    /// Orders queued in the backup have been created since.
    @Test func aRestoredBackupCreatesNothingAgain() throws {
      let count = 12
      let station = try Station(["--duration", "100ms"], ["CREATES_PER_MINUTE": "40"])
      let submitter = Submitter(count, to: station.apiPort) { _ in #"{"model":"demo/text","input":{}}"# }
      try wait("all are submitted") { submitter.now.running == 0 }
      let copy = station.folder.url.appendingPathComponent("copy.db").path
      let backup = try Program.run(
        ["backup", copy], environment: ["DATABASE_URL": "sqlite:\(station.databasePath)"])
      #expect(backup.status == 0, "\(backup.error)")
      let before = try station.simulator.overview(limit: 0).created
      #expect(before < count)
      try Self.waitForTheEnd(of: submitter, station, seconds: 60)
      try station.replaceDaemon { path in
        for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: path + suffix) {
          try FileManager.default.removeItem(atPath: path + suffix)
        }
        try FileManager.default.moveItem(atPath: copy, toPath: path)
      }
      try Self.waitForTheEnd(of: submitter, station, seconds: 60)
      let predictions = try station.simulator.overview().predictions
      #expect(predictions.filter { $0.createCount != 1 }.map(\.webhook) == [])
      #expect(predictions.count == count)
      print("created once: \(count - before) were queued in the backup")
    }

    private static func waitForTheEnd(of submitter: Submitter, _ station: Station, seconds: Int) throws {
      let jobs = Array(submitter.now.jobs.values)
      try wait("all have ended", seconds: seconds) {
        // One connection a round: one for each read would use up the ports, and a connection serves 10,000.
        let caller = try Caller(station.apiPort)
        return try jobs.allSatisfy { try caller.get("/jobs/\($0)")["state"] as? String == "succeeded" }
      }
    }
  }
}
