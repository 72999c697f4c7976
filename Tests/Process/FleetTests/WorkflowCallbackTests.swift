import Foundation
import HTTPWire
import LiveDaemon
import PostgreSQLServer
import StandardWebhooks
import Stubs
import Synchronization
import Testing

extension FleetTests {
  /// What an app is sent of a workflow, and what it may not do to the jobs of one.
  @Suite struct WorkflowCallbackTests {
    private static let chain = """
      {"id":"chain-1","steps":[
        {"name":"text","model":"demo/text","input":{"prompt":"a lamp"}},
        {"name":"again","model":"demo/hello","input":{"prompt":{"$text":[{"$from":"text"}]}}}]}
      """
    private static let jobs = ["w-chain-1-text-0-1", "w-chain-1-again-0-1"]

    private static func events(_ stub: StubAPI, of type: String) -> [StubRequest] {
      stub.requests.filter { $0.body.hasPrefix(#"{"type":"\#(type)""#) }
    }

    private static func data(of request: StubRequest) throws -> [String: Any] {
      let object = try JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? [String: Any]
      return try #require(object?["data"] as? [String: Any])
    }

    private static func callbacks(_ station: Station, _ query: String = "") throws -> [[String: Any]] {
      let page = try Caller(station.apiPort).get("/callbacks\(query)")
      guard let callbacks = page["callbacks"] as? [[String: Any]] else { throw Unusable("\(page)") }
      return callbacks
    }

    private static func verify(_ request: StubRequest, of station: Station) throws {
      let page = try Caller(station.apiPort).get("/callbacks/secret")
      let secrets = try #require(page["secrets"] as? [String]).map { try Secret($0) }
      let verifier = try #require(Verifier(secrets: secrets, toleranceSeconds: 300))
      let headers = SignatureHeaders(
        id: request.fields["webhook-id"] ?? "", timestamp: request.fields["webhook-timestamp"] ?? "",
        signature: request.fields["webhook-signature"] ?? "")
      _ = try verifier.verify(
        headers, body: Array(request.body.utf8).span, now: Int64(Date().timeIntervalSince1970))
    }

    private static func create(_ body: String, at station: Station) throws {
      let answer = try Caller(station.apiPort).post("/workflows", body)
      guard answer.status == 202 else { throw Unusable("\(answer.status) \(answer.text)") }
    }

    private static func delete(_ path: String, _ station: Station) throws -> HTTPAnswer {
      try station.daemon.fetch(path, method: "DELETE")
    }

    /// Five seconds pass before the second try.
    @Test(arguments: PostgreSQLServer.isAvailable ? [false, true] : [false])
    func `the end of a workflow reaches the app, signed, until it is accepted`(_ isOnServer: Bool) throws {
      let refusals = Atomic(1)
      let stub = try StubAPI { request, _ in
        let isOfWorkflow = request.body.hasPrefix(#"{"type":"workflow."#)
        let isRefused = isOfWorkflow && refusals.subtract(1, ordering: .relaxed).oldValue > 0
        return .json("{}", isRefused ? .serviceUnavailable : .ok)
      }
      let database = try isOnServer ? PostgreSQLServer.shared().makeDatabase() : nil
      let station = try Station(
        ["--duration", "100ms"],
        ["CALLBACK_URL": stub.url + "/hook"].merging(database.map { ["DATABASE_URL": $0.url] } ?? [:]) { $1 })
      try Self.create(Self.chain, at: station)
      try wait("both tries", seconds: 60) { Self.events(stub, of: "workflow.succeeded").count == 2 }
      let tries = Self.events(stub, of: "workflow.succeeded")
      #expect(Set(tries.map { $0.fields["webhook-id"] }).count == 1)
      for request in tries {
        try Self.verify(request, of: station)
        let document = try Self.data(of: request)
        #expect(document["id"] as? String == "chain-1" && document["state"] as? String == "succeeded")
        #expect((document["steps"] as? [Any])?.count == 2)
      }
      try wait("the result") { try Self.callbacks(station, "?workflow=chain-1&state=delivered").count == 1 }
      let shown = try #require(try Self.callbacks(station, "?workflow=chain-1").first)
      #expect(shown["workflow"] as? String == "chain-1" && shown["job"] == nil)
      #expect(shown["type"] as? String == "workflow.succeeded" && shown["tries"] as? Int == 2)
      #expect(shown["id"] as? String == tries[0].fields["webhook-id"])
      // The events of the jobs name the step, and lists have all of them.
      let steps = try Self.events(stub, of: "job.succeeded").map { try Self.data(of: $0)["step"] as? String }
      #expect(steps == ["text", "again"])
      #expect(try Self.callbacks(station).compactMap { $0["job"] as? String }.sorted() == Self.jobs.sorted())
      try Self.checkPages(of: station)
      // It takes its events along.
      #expect(try Self.delete("/workflows/chain-1", station).status == 204)
      #expect(try station.daemon.fetch("/callbacks?workflow=chain-1").status == 404)
      #expect(try Self.callbacks(station).isEmpty)
    }

    private static func checkPages(of station: Station) throws {
      var (ids, next): ([String], String?) = ([], "")
      while let after = next {
        let page = try Caller(station.apiPort).get(
          "/callbacks?limit=2" + (after.isEmpty ? "" : "&after=\(after)"))
        ids += try #require(page["callbacks"] as? [[String: Any]]).compactMap { $0["id"] as? String }
        next = page["next"] as? String
      }
      #expect(ids.count == 3 && Set(ids).count == 3)
      let refused = try station.daemon.fetch("/callbacks?job=\(jobs[0])&workflow=chain-1")
      #expect(refused.code == "invalid_parameter" && refused.text.contains("job, workflow"))
      #expect(try station.daemon.fetch("/callbacks?workflow=none").code == "not_found")
    }

    @Test func `a workflow's own callback is sent its end, and a failed one is retried by request`() throws {
      let isGone = Atomic(true)
      let stub = try StubAPI { _, _ in .json("{}", isGone.load(ordering: .relaxed) ? .gone : .ok) }
      let station = try Station(["--duration", "100ms"], ["CALLBACK_HOSTS": "127.0.0.0/8"])
      try Self.create(
        """
        {"id":"ring","callback":{"url":"\(stub.url)/own"},
         "steps":[{"name":"text","model":"demo/fail","input":{}}]}
        """, at: station)
      try wait("the rejection") { try Self.callbacks(station, "?workflow=ring&state=failed").count == 1 }
      isGone.store(false, ordering: .relaxed)
      let id = try #require(try Self.callbacks(station).first?["id"] as? String)
      #expect(try Caller(station.apiPort).post("/callbacks/\(id)/retry", nil).status == 202)
      try wait("the delivery") { try Self.callbacks(station, "?state=delivered").count == 1 }
      #expect(stub.lines == ["POST /own", "POST /own"])
      #expect(Self.events(stub, of: "workflow.failed").count == 2)
    }

    @Test func `the jobs of a workflow are not retried or deleted one by one`() throws {
      let station = try Station(["--duration", "100ms"])
      try Self.create(Self.chain, at: station)
      for job in Self.jobs {
        try wait("\(job)") { try station.daemon.fetch("/jobs/\(job)").text.contains(#""state":"succeeded""#) }
        let retry = try Caller(station.apiPort).post("/jobs/\(job)/retry", nil)
        #expect(retry.status == 409 && retry.text.contains("POST /workflows/chain-1/resume"), "\(retry.text)")
        let deletion = try Self.delete("/jobs/\(job)", station)
        #expect(deletion.status == 409 && deletion.text.contains("DELETE /workflows/chain-1"))
      }
      #expect(try Self.delete("/workflows/chain-1", station).status == 204)
      for job in Self.jobs { #expect(try station.daemon.fetch("/jobs/\(job)").status == 404) }
    }
  }
}
