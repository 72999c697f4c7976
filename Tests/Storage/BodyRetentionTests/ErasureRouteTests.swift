import BodyRetention
import HTTPWire
import JobDeletion
import JobsAPI
import Ledger
import Settings
import SimulatedAPI
import StoreFixture
import StoreSeam
import Testing
import WebhookIntake

/// `DELETE …?erase=bodies`, and the passes of `BODY_RETENTION`.
@Suite(.everyStore) struct ErasureRouteTests {
  private func api(retention: String? = nil) throws -> SimulatedAPI {
    var reader = SettingsReader(
      variables: IntakeSettings.variables + BodyRetention.settings,
      environment: retention.map { ["BODY_RETENTION": $0] } ?? [:]
    ) { _ in nil }
    let capabilities: [any Capability] = try reader.read {
      [BodyRetention(from: &$0), JobDeletion(from: &$0)]
    }
    let limits = OrdersEndpoint.Limits(isConfigured: true, maxBodyBytes: 1024, maxQueued: 9)
    return try SimulatedAPI(capabilities: capabilities, orders: limits)
  }

  /// A job that has ended, with metadata.
  private func end(_ id: String, in api: SimulatedAPI) throws {
    let body = #"{"id":"\#(id)","model":"owner/model","input":{"prompt":"hello"},"metadata":{"user":7}}"#
    #expect(api.send("/jobs", method: "POST", body: body).status == 202)
    let now = api.now
    try api.commit([
      LedgerWork { (transaction) throws(StorageError) in
        _ = try transaction.claimOrderSteps(at: now, creates: 9, cancels: 9, finds: 0, lease: 35_000)
      }
    ])
    try api.deliver("p-\(id)", "succeeded", output: #"["hello"]"#, naming: id)
  }

  @Test func `an erased job is shown without its bodies, and says when`() throws {
    let api = try api()
    try end("j1", in: api)
    try end("j2", in: api)
    #expect(api.send("/jobs/j1").text.contains("bodies_erased_at") == false)
    let change = try api.change(of: "j1")
    #expect(api.send("/jobs/j1?erase=bodies", method: "DELETE").status == 204)
    let shown = api.send("/jobs/j1").text
    #expect(!shown.contains("hello"), "\(shown)")
    #expect(shown.contains(#""bodies_erased_at":"20"#), "\(shown)")
    #expect(shown.contains(#""erased_bytes":{"input":18,"output":9,"logs":0}"#), "\(shown)")
    #expect(shown.contains(#""state":"succeeded""#) && shown.contains(#""metadata":{"user":7}"#), "\(shown)")
    #expect(try api.change(of: "j1") > change)
    #expect(api.send("/jobs/j1?erase=bodies", method: "DELETE").status == 204)
    #expect(api.send("/jobs/p-j1").text == shown)
    let list = api.send("/jobs?include=input,output").text
    #expect(list.matches(of: /bodies_erased_at/).count == 1, "\(list)")
    #expect(list.matches(of: /hello/).count == 1, "\(list)")
    #expect(api.send("/jobs/j1/logs").text.isEmpty)
    #expect(api.send("/jobs/j1", method: "DELETE").status == 204)
    #expect(api.send("/jobs/j1").status == 404)
  }

  @Test func `an erased request is known, and repeated with a new input`() throws {
    let api = try api()
    try end("j1", in: api)
    let body = #"{"id":"j1","model":"owner/model","input":{"prompt":"hello"},"metadata":{"user":7}}"#
    #expect(api.send("/jobs/j1?erase=bodies", method: "DELETE").status == 204)
    #expect(api.send("/jobs", method: "POST", body: body).status == 200)
    let refused = api.send("/jobs/j1/retry", method: "POST")
    #expect(refused.status == 409 && refused.text.contains("send `input` in the body"), "\(refused.text)")
    let retried = api.send("/jobs/j1/retry", method: "POST", body: #"{"input":{"prompt":"again"}}"#)
    #expect(retried.status == 202 && retried.text.contains(#""user":7"#), "\(retried.text)")
    let different = api.send("/jobs", method: "POST", body: #"{"id":"j1","model":"a/b","input":{}}"#)
    #expect(different.status == 409, "\(different.text)")
  }

  @Test func `an erasure that is not possible is refused`() throws {
    let api = try api()
    try api.order("open")
    let open = api.send("/jobs/open?erase=bodies", method: "DELETE")
    #expect(open.status == 409 && open.text.contains("has not ended"), "\(open.text)")
    #expect(api.send("/jobs/none?erase=bodies", method: "DELETE").status == 404)
    for query in ["erase=all", "erase=", "erase=bodies&cancel=true", "erase=bodies&erase=bodies"] {
      #expect(api.send("/jobs/open?\(query)", method: "DELETE").status == 400, "\(query)")
      #expect(api.send("/jobs?ids=open&\(query)", method: "DELETE").status == 400, "\(query)")
    }
    #expect(api.send("/jobs?erase=bodies", method: "DELETE").status == 422)
    #expect(api.send("/jobs/open").status == 200)
  }

  @Test func `the bodies of all jobs that match are erased`() throws {
    let api = try api()
    for id in ["j1", "j2"] { try end(id, in: api) }
    try api.order("open")
    let all = api.send("/jobs?metadata.user=7&erase=bodies", method: "DELETE")
    #expect(all.status == 200)
    #expect(all.text == #"{"erased":2,"open":1,"needed":0,"complete":true}"# + "\n")
    #expect(!api.send("/jobs?include=input,output").text.contains("hello"))
    // Without the parameter, jobs are deleted.
    #expect(api.send("/jobs?ids=j1,j2", method: "DELETE").text.contains(#""deleted":2"#))
  }

  @Test func `passes erase bodies after BODY_RETENTION`() throws {
    let api = try api(retention: "60s")
    try end("j1", in: api)
    api.advance(by: .seconds(58))
    #expect(api.send("/jobs/j1").text.contains("hello"))
    // In steps, because a waiting loop moves the clock to its next deadline.
    var shown = ""
    for _ in 0..<200 {
      api.advance(by: .seconds(1))
      shown = api.send("/jobs/j1").text
      if !shown.contains("hello") { break }
    }
    #expect(!shown.contains("hello") && shown.contains("bodies_erased_at"), "\(shown)")
  }

  @Test func `without BODY_RETENTION bodies stay`() throws {
    let api = try api()
    try end("j1", in: api)
    api.advance(by: .seconds(90_000))
    #expect(api.send("/jobs/j1").text.contains("hello"))
  }

  @Test(arguments: ["0s", "-1d", "60", "later"])
  func `a wrong BODY_RETENTION is reported`(_ value: String) {
    var reader = SettingsReader(
      variables: BodyRetention.settings, environment: ["BODY_RETENTION": value]
    ) { _ in nil }
    #expect(throws: SettingProblems.self) { try reader.read { BodyRetention(from: &$0) } }
  }
}
