import Foundation
import LiveDaemon
import Testing

extension FleetTests {
  /// Jobs that are deleted through the API.
  @Suite struct DeletionTests {
    private static let slow = #"{"model":"demo/slow","input":{}}"#

    private static func delete(_ path: String, _ station: Station) throws -> HTTPAnswer {
      try station.daemon.fetch(path, method: "DELETE")
    }

    private static func status(of id: String, _ station: Station) throws -> Int {
      try station.daemon.fetch("/jobs/\(id)").status
    }

    @Test func `a job that has ended is deleted, and its deliveries are dropped`() throws {
      let station = try Station(["--duration", "100ms"])
      let job = try station.submit(#"{"model":"demo/text","input":{}}"#)
      let prediction = try #require(try station.job(job, in: ["succeeded"])["prediction_id"] as? String)
      #expect(try Self.delete("/jobs/\(job)", station).status == 204)
      #expect(try Self.status(of: job, station) == 404)
      let again = try Self.delete("/jobs/\(job)", station)
      #expect(again.status == 404 && again.code == "job_not_found")
      let late = try SignedDelivery(id: "late", prediction: prediction, status: "succeeded")
      #expect(try station.daemon.post(late).status == 200)
      #expect(try Self.status(of: prediction, station) == 404)
      #expect(try station.metric("jobs_deleted_total") == 1)
    }

    @Test func `an open job is canceled and deleted at its end, also after a kill`() throws {
      let station = try Station()
      let job = try station.submit(Self.slow)
      _ = try station.job(job, in: ["running"])
      let refused = try Self.delete("/jobs/\(job)", station)
      #expect(refused.status == 409 && refused.code == "conflict" && refused.text.contains("cancel=true"))
      station.stopSimulator()
      #expect(try Self.delete("/jobs/\(job)?cancel=true", station).status == 202)
      #expect(try station.state(of: job) == "running")
      try station.replaceDaemon()
      station.continueSimulator()
      // The cancel call of the killed daemon is made again at the start of the next one.
      try wait("it is deleted", seconds: 60) { try Self.status(of: job, station) == 404 }
    }

    @Test func `all jobs of a user are erased`() throws {
      let station = try Station(["--duration", "100ms"])
      func submit(_ user: Int, _ model: String = "demo/text") throws -> String {
        try station.submit(#"{"model":"\#(model)","input":{},"metadata":{"user":\#(user)}}"#)
      }
      let ended = try (0..<3).map { _ in try submit(7) }
      for job in ended { _ = try station.job(job, in: ["succeeded"]) }
      let (open, other) = (try submit(7, "demo/slow"), try submit(8))
      _ = try station.job(open, in: ["running"])
      _ = try station.job(other, in: ["succeeded"])
      let refused = try Self.delete("/jobs", station)
      #expect(refused.status == 422 && refused.code == "invalid_request")
      #expect(try Self.delete("/jobs?user=7", station).status == 400)
      let first = try Self.delete("/jobs?metadata.user=7", station)
      #expect(first.status == 200)
      #expect(first.text == #"{"deleted":3,"canceling":0,"open":1,"complete":true}"# + "\n")
      let second = try Self.delete("/jobs?metadata.user=7&cancel=true", station)
      #expect(second.status == 202)
      #expect(second.text == #"{"deleted":0,"canceling":1,"open":0,"complete":true}"# + "\n")
      try wait("it is deleted") { try Self.status(of: open, station) == 404 }
      #expect(try Self.status(of: other, station) == 200)
      let text = try station.daemon.fetch("/usage").text
      #expect(text.contains(#""succeeded":4"#), "\(text)")
    }

    /// The pages of the database that held them are overwritten.
    @Test func `nothing of an erased job is in the database after a stop`() throws {
      let station = try Station(["--duration", "100ms"])
      let word = "a-word-that-nothing-else-has"
      let prompt = String(repeating: "\(word) ", count: 2000)
      let job = try station.submit(
        #"{"model":"demo/text","input":{"prompt":"\#(prompt)"},"metadata":{"user":"\#(word)"}}"#)
      _ = try station.job(job, in: ["succeeded"])
      func holdsWord() throws -> Bool {
        try ["", "-wal"].contains { suffix in
          let path = station.databasePath + suffix
          guard FileManager.default.fileExists(atPath: path) else { return false }
          return try Data(contentsOf: URL(fileURLWithPath: path)).range(of: Data(word.utf8)) != nil
        }
      }
      #expect(try holdsWord())
      #expect(try Self.delete("/jobs?metadata.user=\(word)", station).status == 200)
      #expect(station.daemon.stop() == 0)
      #expect(try !holdsWord())
    }
  }
}
