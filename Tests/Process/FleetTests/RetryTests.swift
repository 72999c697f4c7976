import Foundation
import LiveDaemon
import Testing

extension FleetTests {
  /// `POST /jobs/{id}/retry`, and orders that are not sent in time.
  @Suite struct RetryTests {
    private static let text =
      #"{"model":"demo/text","input":{"prompt":"a"},"id":"one","metadata":{"user":7}}"#

    @Test func `a retry is a new job with the same request`() throws {
      let station = try Station(["--duration", "100ms"])
      let caller = try Caller(station.apiPort)
      _ = try station.submit(Self.text)
      _ = try station.job("one", in: ["succeeded"])
      let retry = try caller.post("/jobs/one/retry", nil)
      let id = try #require(retry.object["id"] as? String)
      #expect(retry.status == 202 && id != "one" && retry.object["retry_of"] as? String == "one")
      #expect((retry.object["metadata"] as? [String: Int]) == ["user": 7])
      #expect((retry.object["input"] as? [String: String]) == ["prompt": "a"])
      #expect(try station.job(id, in: ["succeeded"])["retry_of"] as? String == "one")
      #expect(try station.daemon.job("one")["retry_of"] == nil)
      // A retry of the retry names that.
      #expect(try caller.post("/jobs/\(id)/retry", nil).object["retry_of"] as? String == id)
    }

    @Test func `the changes of a retry replace whole members`() throws {
      let station = try Station(["--duration", "100ms"])
      let caller = try Caller(station.apiPort)
      _ = try station.submit(Self.text)
      _ = try station.job("one", in: ["succeeded"])
      let changed = try caller.post(
        "/jobs/one/retry", #"{"id":"two","input":{"seed":1},"metadata":null,"model":"demo/image"}"#)
      #expect(changed.status == 202 && changed.object["id"] as? String == "two")
      #expect((changed.object["input"] as? [String: Int]) == ["seed": 1])
      #expect(changed.object["metadata"] == nil && changed.object["model"] as? String == "demo/image")
      let wrong = try caller.post("/jobs/one/retry", #"{"inputs":{}}"#)
      #expect(wrong.status == 422 && wrong.object["code"] as? String == "invalid_request")
      #expect(try caller.post("/jobs/one/retry", "[").status == 400)
    }

    @Test func `a retry is repeated under its key or id`() throws {
      let station = try Station(["--duration", "100ms"])
      let caller = try Caller(station.apiPort)
      _ = try station.submit(Self.text)
      _ = try station.submit(Self.text.replacingOccurrences(of: "one", with: "two"))
      for id in ["one", "two"] { _ = try station.job(id, in: ["succeeded"]) }
      let first = try caller.post("/jobs/one/retry", nil, key: "k")
      let second = try caller.post("/jobs/one/retry", "{}", key: "k")
      #expect(first.status == 202 && second.status == 200)
      #expect(first.object["id"] as? String == second.object["id"] as? String)
      let other = try caller.post("/jobs/two/retry", nil, key: "k")
      #expect(other.status == 422 && other.object["code"] as? String == "idempotency_mismatch")
      #expect(other.text.contains("`retry_of` differs"))
      #expect(try caller.post("/jobs/one/retry", #"{"id":"three"}"#).status == 202)
      #expect(try caller.post("/jobs/one/retry", #"{"id":"three"}"#).status == 200)
      let taken = try caller.post("/jobs/one/retry", #"{"id":"three","retries":1}"#)
      #expect(taken.status == 409 && taken.text.contains("`retries` differs"))
    }

    @Test func `only an ended job that was created here is retried`() throws {
      let station = try Station()
      let caller = try Caller(station.apiPort)
      #expect(try caller.post("/jobs/none/retry", nil).status == 404)
      let slow = try station.submit(#"{"model":"demo/slow","input":{}}"#)
      let open = try caller.post("/jobs/\(slow)/retry", nil)
      #expect(open.status == 409 && open.text.contains("/cancel"))
      _ = try station.daemon.post(try SignedDelivery(id: "m", prediction: "p", status: "succeeded"))
      let foreign = try caller.post("/jobs/p/retry", nil)
      #expect(foreign.status == 409 && foreign.text.contains("not created here"))
    }

    /// Nothing may be sent, because the token is rejected.
    @Test func `a job that is not sent in time is canceled`() throws {
      let folder = try TemporaryFolder()
      let station = try Station(["--api-token-file", try folder.write("r8_another_token", to: "token")])
      let job = try station.submit(#"{"model":"demo/text","input":{},"start_before":"2s"}"#)
      _ = try station.job(job, in: ["canceled"], seconds: 10)
      #expect(try station.errorCode(of: job) == "not_started")
      #expect(try station.simulator.overview().created == 0)
    }
  }
}
