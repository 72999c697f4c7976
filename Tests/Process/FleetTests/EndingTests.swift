import Foundation
import LiveDaemon
import Testing

extension FleetTests {
  /// Jobs that end otherwise than by succeeding at once.
  @Suite struct EndingTests {
    private static let slow = #"{"model":"demo/slow","input":{}}"#

    @Test func aQueuedJobIsCanceledBeforeItIsSent() throws {
      let station = try Station([], ["CREATES_PER_MINUTE": "1"])
      let first = try station.submit(Self.slow)
      _ = try station.job(first, in: ["running"])
      let second = try station.submit(Self.slow)
      #expect(try station.cancel(second) == 200)
      #expect(try station.state(of: second) == "canceled")
      #expect(try station.errorCode(of: second) == "canceled")
      #expect(try station.simulator.overview().created == 1)
    }

    @Test func aRunningJobIsCanceled() throws {
      let station = try Station()
      let job = try station.submit(Self.slow)
      _ = try station.job(job, in: ["running"])
      #expect(try station.cancel(job) == 202)
      _ = try station.job(job, in: ["canceled"])
      #expect(try station.simulator.overview().predictions.map(\.status) == ["canceled"])
      #expect(try station.cancel(job) == 200)
    }

    /// A cancellation during the create call, which then fails.
    @Test func aJobThatIsBeingSentIsCanceled() throws {
      let station = try Station(["--create-rate", "1", "--latency", "1s"])
      let first = try station.submit(Self.slow)
      _ = try station.job(first, in: ["running"])
      let second = try station.submit(Self.slow)
      try wait("it is being sent") { try Self.stage(of: second, station) == "sending" }
      #expect(try station.cancel(second) == 202)
      _ = try station.job(second, in: ["canceled"], seconds: 10)
      #expect(try station.simulator.overview().created == 1)
    }

    @Test func aJobThatIsBeingMadeIsCanceledOnceItIsMade() throws {
      let station = try Station(["--latency", "1s"])
      let job = try station.submit(Self.slow)
      try wait("it is being sent") { try Self.stage(of: job, station) == "sending" }
      #expect(try station.cancel(job) == 202)
      _ = try station.job(job, in: ["canceled"], seconds: 15)
      #expect(try station.simulator.overview().predictions.map(\.status) == ["canceled"])
    }

    @Test func theProviderCancelsAfterItsDeadline() throws {
      let station = try Station()
      let job = try station.submit(#"{"model":"demo/slow","input":{},"cancel_after":"5s"}"#)
      _ = try station.job(job, in: ["canceled"])
    }

    @Test func aJobWithoutUpdatesIsStaleUntilTheNextOne() throws {
      // The prediction takes six seconds, without updates: the simulator is stopped.
      let station = try Station(["--lose", "1"])
      let job = try station.submit(
        #"{"model":"demo/text","input":{"simulate":{"queue_ms":1,"duration_ms":6000}},"timeout":"2s"}"#)
      try wait("it is submitted") { try station.daemon.job(job)["prediction_id"] != nil }
      station.stopSimulator()
      _ = try station.job(job, in: ["stale"])
      let before = try station.daemon.job(job)["revision"] as? Int ?? 0
      station.continueSimulator()
      let end = try station.job(job, in: ["succeeded"], seconds: 40)
      #expect(end["revision"] as? Int ?? 0 > before)
      #expect(end["stale_at"] == nil)
      #expect(try station.metric("stale_jobs_total") >= 1)
    }

    /// A job that is stale before its prediction is known.
    ///
    /// It is polled once the prediction is known.
    @Test func aJobThatIsStaleBeforeItsCreationIsStillPolled() throws {
      let station = try Station(["--lose", "1", "--latency", "3s", "--duration", "500ms"])
      let job = try station.submit(#"{"model":"demo/text","input":{},"timeout":"1s"}"#)
      _ = try station.job(job, in: ["stale"])
      _ = try station.job(job, in: ["succeeded"], seconds: 40)
    }

    /// Only several minutes of 404s end a job.
    ///
    /// A wrong address or another account's token causes them too.
    @Test func `two 404s do not end a job`() throws {
      let station = try Station()
      let (job, other) = (try station.submit(Self.slow), try station.submit(Self.slow))
      for id in [job, other] { _ = try station.job(id, in: ["running"]) }
      try station.replaceSimulator()
      #expect(try station.cancel(other) == 202)
      for id in [job, other] {
        try wait("it was answered 404 twice") { try Self.notFoundCount(of: id, station) >= 2 }
        #expect(try station.state(of: id) == "running")
      }
      #expect(try Self.order(of: other, station)["cancel_requested"] as? Bool == true)
    }

    @Test func aModelThatIsNotKnownIsTriedAgain() throws {
      let station = try Station()
      let job = try station.submit(#"{"model":"missing/model","input":{}}"#)
      try wait("it was answered 404") { try Self.notFoundCount(of: job, station) >= 1 }
      #expect(try station.state(of: job) == "pending" && Self.stage(of: job, station) == "queued")
      #expect(try station.cancel(job) == 200)
    }

    @Test(
      arguments: [
        (#"{"model":"demo/null","input":{}}"#, "failed", "invalid_output"),
        (#"{"model":"demo/null","input":{},"expect":{"kind":"urls"}}"#, "failed", "invalid_output"),
        (#"{"model":"demo/text","input":{},"expect":{"kind":"urls"}}"#, "failed", "invalid_output"),
        (#"{"model":"demo/text","input":{},"expect":{"kind":"text"}}"#, "succeeded", nil),
        (#"{"model":"demo/hello","input":{},"expect":{"kind":"urls","count":1}}"#, "succeeded", nil),
        (
          #"{"model":"demo/hello","input":{},"expect":{"kind":"urls","count":2}}"#, "failed", "invalid_output"
        ),
        (#"{"model":"demo/text","input":{"simulate":{"unknown":1}}}"#, "failed", "invalid_input"),
      ] as [(String, String, String?)])
    func outputsAreValidated(_ body: String, _ state: String, _ code: String?) throws {
      let station = try Station(["--duration", "100ms"])
      let job = try station.submit(body)
      let end = try station.job(job, in: ["succeeded", "failed", "canceled"])
      #expect(end["state"] as? String == state)
      #expect(try station.errorCode(of: job) == code, "\(end)")
    }

    @Test func outputRulesApplyByModel() throws {
      let folder = try TemporaryFolder()
      let rules = try folder.write(#"{"demo/null":{"kind":"urls"}}"#, to: "rules.json")
      let station = try Station(["--duration", "100ms"], ["OUTPUT_RULES": rules])
      let job = try station.submit(#"{"model":"demo/null","input":{}}"#)
      _ = try station.job(job, in: ["failed"])
      #expect(try station.errorCode(of: job) == "invalid_output")
    }

    @Test func anInterruptedPredictionIsRetriedUpToItsLimit() throws {
      let station = try Station(["--duration", "100ms"])
      let job = try station.submit(#"{"model":"demo/interrupted","input":{},"retries":2}"#)
      let end = try station.job(job, in: ["failed"])
      #expect(end["attempt"] as? Int == 3)
      let attempts = try #require(end["attempts"] as? [[String: Any]])
      #expect(attempts.count == 2 && attempts.allSatisfy { $0["prediction_id"] is String })
      #expect(try station.errorCode(of: job) == "interrupted")
      let predictions = try station.simulator.overview().predictions
      #expect(predictions.count == 3 && Set(predictions.map(\.job)) == [job])
    }

    /// The order waits until the operator has paid.
    @Test func withoutCreditAnOrderWaits() throws {
      let station = try Station(["--credit", "1", "--duration", "100ms"])
      let first = try station.submit(#"{"model":"demo/text","input":{}}"#)
      _ = try station.job(first, in: ["succeeded"])
      let second = try station.submit(#"{"model":"demo/text","input":{}}"#)
      try wait("it was refused") { try Self.order(of: second, station)["tries"] as? Int == 1 }
      try wait("it waits") { try Self.stage(of: second, station) == "queued" }
      #expect(try Self.order(of: second, station)["reason"] as? String == "insufficient_credit")
      #expect(try Self.order(of: second, station)["next_try_at"] != nil)
      #expect(try station.state(of: second) == "pending")
      try station.daemon.waitForLog("error   provider reports insufficient credit")
    }

    /// The order waits until the operator sets another token.
    @Test func aTokenThatIsRefusedEndsNothing() throws {
      let folder = try TemporaryFolder()
      let token = try folder.write("r8_another_token", to: "token")
      let station = try Station(["--api-token-file", token])
      let job = try station.submit(Self.slow)
      try wait("it was refused") { try Self.order(of: job, station)["tries"] as? Int == 1 }
      try wait("it waits") { try Self.stage(of: job, station) == "queued" }
      #expect(try station.state(of: job) == "pending")
      #expect(try Self.order(of: job, station)["next_try_at"] != nil)
      #expect(try Self.order(of: job, station)["reason"] as? String == "unauthorized")
      // An order that was never tried waits for the same reason.
      let other = try station.submit(Self.slow)
      #expect(try Self.order(of: other, station)["reason"] as? String == "unauthorized")
      #expect(try Self.order(of: other, station)["tries"] as? Int == 0)
      #expect(try station.daemon.job(job)["attempts"] == nil)
      try station.daemon.waitForLog("error   provider rejects the token")
    }

    /// The provider's error is kept with the job that it ended.
    @Test func aRefusedCreateIsShownAsAnAttempt() throws {
      let station = try Station()
      let job = try station.submit(
        #"{"version":"missing/model:\#(String(repeating: "0", count: 64))","input":{}}"#)
      _ = try station.job(job, in: ["failed"])
      let attempts = try #require(try station.daemon.job(job)["attempts"] as? [[String: Any]])
      let error = try #require(attempts.first?["error"] as? [String: Any])
      #expect(attempts.count == 1 && attempts[0]["prediction_id"] == nil && attempts[0]["ended_at"] is String)
      #expect(error["code"] as? String == "invalid_input")
    }

    private static func notFoundCount(of job: String, _ station: Station) throws -> Int {
      let counts = try Caller(station.apiPort).get("/jobs/\(job)/history")["counts"] as? [String: Int]
      return counts?["not_found"] ?? 0
    }

    private static func order(of job: String, _ station: Station) throws -> [String: Any] {
      try station.daemon.job(job)["order"] as? [String: Any] ?? [:]
    }

    private static func stage(of job: String, _ station: Station) throws -> String? {
      try order(of: job, station)["stage"] as? String
    }
  }
}
