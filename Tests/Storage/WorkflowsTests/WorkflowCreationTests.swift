import SimulatedAPI
import StoreFixture
import Testing

/// `POST /workflows` and `GET /workflows/{id}`.
@Suite(.everyStore) struct WorkflowCreationTests {
  @Test func `a workflow is stored with its first job, and shown`() throws {
    let api = try WorkflowAPI.make()
    let response = api.post("/workflows", WorkflowAPI.chain)
    #expect(response.status == 202 && response.field("location") == "/workflows/chain")
    let document = try response.object
    #expect(document.state == "pending" && document["attempt"] as? Int == 1)
    #expect(document.steps.map(\.state) == ["pending", "waiting", "waiting"])
    #expect(document.steps[0]["jobs"] as? [String] == ["w-chain-image-0-1"])
    #expect(document.steps[2]["needs"] as? [String] == ["upscale"])
    #expect(document.steps[2]["waits_for"] as? [String] == ["upscale"])
    #expect(response.text.contains(#""metadata":{"user":"7"}"#))
    #expect(try api.jobs() == ["w-chain-image-0-1"])
    let read = api.send("/workflows/chain")
    #expect(read.status == 200 && read.text == response.text)
    let tag = try #require(read.field("etag"))
    #expect(response.field("etag") == tag)
    let known = api.send("/workflows/chain", fields: ["If-None-Match: \(tag)"])
    #expect(known.status == 304 && known.text.isEmpty)
    try api.report("w-chain-image-0-1", "processing")
    let changed = api.send("/workflows/chain", fields: ["If-None-Match: \(tag)"])
    #expect(try changed.status == 200 && changed.object.state == "running")
  }

  @Test func `the same workflow is made once`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    let spaced = WorkflowAPI.chain.replacing(",\n", with: " ,\n\n")
    let again = api.post("/workflows", spaced)
    #expect(again.status == 200 && again.field("location") == "/workflows/chain")
    #expect(try api.jobs().count == 1)
    let other = api.post("/workflows", WorkflowAPI.chain.replacing("a desk lamp", with: "a chair"))
    #expect(other.status == 409 && other.code == "conflict" && other.detail.contains("`input.prompt`"))
  }

  @Test func `a key makes one workflow`() throws {
    let api = try WorkflowAPI.make()
    let body = #"{"steps":[{"name":"a","model":"acme/poster","input":{}}]}"#
    let first = api.post("/workflows", body, fields: ["Idempotency-Key: k1"])
    let id = try #require(try first.object["id"] as? String)
    #expect(first.status == 202 && (1...24).contains(id.utf8.count))
    let again = api.post("/workflows", body, fields: ["Idempotency-Key: k1"])
    #expect(try again.status == 200 && again.object["id"] as? String == id)
    let other = api.post(
      "/workflows", body.replacing("poster", with: "other"), fields: ["Idempotency-Key: k1"])
    #expect(other.status == 422 && other.code == "idempotency_mismatch" && other.detail.contains("`steps`"))
    let without = api.post("/workflows", body)
    #expect(try without.status == 202 && without.object["id"] as? String != id)
    #expect(try api.jobs().count == 2)
  }

  @Test(arguments: [
    (#"{"steps":[]}"#, 422, "steps"),
    (#"{"id":"a b","steps":[{"name":"a","model":"m/n","input":{}}]}"#, 422, "id"),
    (#"{"steps":[{"name":"a","model":"m/n","input":{}},{"name":"a","model":"m/n","input":{}}]}"#, 422, "a"),
    (#"{"steps":[{"name":"first","model":"m/n","input":{"x":{"$from":"nobody"}}}]}"#, 422, "nobody"),
    (#"{"steps":[{"name":"first","model":"m/n","input":{"x":{"$form":"first"}}}]}"#, 422, "$form"),
    (
      #"{"steps":[{"name":"a","model":"m/n","input":{}},"#
        + #"{"name":"b","model":"m/n","input":{"x":{"$from":"a#/01"}}}]}"#,
      422,
      "step `b`, `input.x`"
    ),
    (
      #"{"steps":[{"name":"a","model":"m/n","input":{},"after":["b"]},"#
        + #"{"name":"b","model":"m/n","input":{},"after":["a"]}]}"#,
      422,
      "after"
    ),
    ("[]", 400, ""),
    ("{", 400, ""),
  ]) func `a wrong definition is refused with its step and member`(
    _ body: String, _ status: Int, _ place: String
  ) throws {
    let api = try WorkflowAPI.make()
    let response = api.post("/workflows", body)
    #expect(response.status == status, "\(response.text)")
    #expect(response.code == (status == 422 ? "invalid_workflow" : "malformed_json"))
    #expect(response.detail.contains(place), "\(response.detail)")
    #expect(try api.jobs().isEmpty)
    #expect(try api.send("/workflows").object["workflows"] as? [Any] as? [String] == [])
  }

  @Test func `a request that makes no workflow is refused`() throws {
    let api = try WorkflowAPI.make()
    #expect(api.send("/workflows/none").code == "workflow_not_found")
    #expect(api.send("/workflows/none?x=1").status == 400)
    #expect(api.post("/workflows", String(repeating: " ", count: 256 << 10 + 1)).status == 413)
    #expect(api.send("/workflows", method: "POST").status == 411)
    #expect(api.post("/workflows?x=1", WorkflowAPI.one()).status == 400)
    #expect(api.send("/workflows", method: "PUT", body: "{}").status == 405)
    let callback = api.post("/workflows", WorkflowAPI.one(and: #","callback":{"url":"https://a.example/"}"#))
    #expect(callback.status == 422 && callback.detail.contains("`callback`"))
    let archive = api.post(
      "/workflows", WorkflowAPI.one().replacing("\"input\"", with: #""archive":"required","input""#))
    #expect(archive.status == 422 && archive.detail.contains("step `image`, `archive`"))
  }

  @Test func `a daemon without a token makes no workflows`() throws {
    let api = try WorkflowAPI.make(isConfigured: false)
    let response = api.post("/workflows", WorkflowAPI.one())
    #expect(response.status == 501 && response.code == "not_configured")
    #expect(api.send("/workflows").status == 200)
  }

  @Test func `a full queue takes no workflow, but each next step of one`() throws {
    let api = try WorkflowAPI.make(maxQueued: 1)
    try api.createWorkflow(WorkflowAPI.chain)
    let refused = api.post("/workflows", WorkflowAPI.one())
    #expect(refused.status == 429 && refused.code == "queue_full" && refused.field("retry-after") == "60")
    #expect(api.send("/workflows/one").status == 404)
    // The same workflow is known all the same.
    #expect(api.post("/workflows", WorkflowAPI.chain).status == 200)
    try api.sendOrders()
    try api.createWorkflow(WorkflowAPI.one())
    try api.report("w-chain-image-0-1", output: #"["https://replicate.delivery/a.png"]"#)
    #expect(try api.states(of: "chain") == ["succeeded", "pending", "waiting"])
  }
}
