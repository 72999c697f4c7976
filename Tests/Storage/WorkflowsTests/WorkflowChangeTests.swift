import SimulatedAPI
import StoreFixture
import Testing

/// Canceling, resuming and deleting workflows.
@Suite(.everyStore) struct WorkflowChangeTests {
  private static let image = #"["https://replicate.delivery/out-0.png"]"#

  // MARK: Canceling

  @Test func `nothing is sent of a workflow that was canceled before`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    let response = api.post("/workflows/chain/cancel")
    #expect(try response.status == 202 && response.object.state == "canceled")
    #expect(try api.states(of: "chain") == ["canceled", "canceled", "canceled"])
    #expect(try api.send("/jobs/w-chain-image-0-1").object.state == "canceled")
    let again = api.post("/workflows/chain/cancel", "{}")
    #expect(try again.status == 200 && again.object.state == "canceled")
    #expect(api.post("/workflows/none/cancel").code == "workflow_not_found")
  }

  @Test func `a canceled workflow ends with its last job, and keeps what succeeded`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    try api.report("w-chain-image-0-1", output: Self.image)
    try api.report("w-chain-upscale-0-1", "processing")
    let response = api.post("/workflows/chain/cancel")
    #expect(try response.status == 202 && response.object.state == "running")
    #expect(try response.object["stopping"] as? String == "cancel")
    #expect(try api.states(of: "chain") == ["succeeded", "running", "canceled"])
    #expect(api.send("/jobs/w-chain-upscale-0-1").text.contains(#""cancel_requested":true"#))
    try api.report("w-chain-upscale-0-1", "succeeded", output: "\"u\"")
    #expect(try api.states(of: "chain") == ["succeeded", "succeeded", "canceled"])
    #expect(try api.workflow("chain").state == "canceled")
    #expect(try api.jobs().count == 2)
  }

  @Test func `a failure that cancels the rest cancels each running sibling`() throws {
    let api = try WorkflowAPI.make()
    let steps = ["a", "b", "c", "d"].map { #"{"name":"\#($0)","model":"m/n","input":{}}"# }.joined(
      separator: ",")
    try api.createWorkflow(#"{"id":"s","on_failure":"cancel","steps":[\#(steps)]}"#)
    for step in ["b", "c", "d"] { try api.report("w-s-\(step)-0-1", "processing") }
    try api.report("w-s-a-0-1", "failed")
    for step in ["b", "c", "d"] {
      #expect(api.send("/jobs/w-s-\(step)-0-1").text.contains(#""cancel_requested":true"#))
    }
    #expect(try api.workflow("s").state == "running")
    for step in ["b", "c", "d"] { try api.report("w-s-\(step)-0-1", "canceled") }
    let document = try api.workflow("s")
    #expect(document.state == "failed" && document.error?["step"] as? String == "a")
  }

  // MARK: Resuming

  @Test func `a resumed workflow runs what had not succeeded`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    let early = api.post("/workflows/chain/resume")
    #expect(early.status == 409 && early.code == "not_ended")
    try api.report("w-chain-image-0-1", output: Self.image)
    try api.report("w-chain-upscale-0-1", "failed")
    let response = api.post("/workflows/chain/resume", "{}")
    #expect(response.status == 202)
    let document = try response.object
    #expect(document["attempt"] as? Int == 2 && document.error == nil)
    #expect(document.steps.map(\.state) == ["succeeded", "pending", "waiting"])
    #expect(
      document.steps[1]["jobs"] as? [String] == ["w-chain-upscale-0-1", "w-chain-upscale-0-2"])
    #expect(try api.jobs().count == 3)
    try api.report("w-chain-upscale-0-2", output: "\"u\"")
    try api.report("w-chain-caption-0-2", output: "\"c\"")
    let end = api.send("/workflows/chain")
    #expect(try end.object.state == "succeeded")
    #expect(end.text.contains(#""output":{"file":"u","alt":"c"}"#))
    #expect(api.post("/workflows/chain/resume").status == 200)
    #expect(api.post("/workflows/none/resume").code == "workflow_not_found")
  }

  @Test func `files that are gone are made again, or refuse a strict resume`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    try api.report("w-chain-image-0-1", output: Self.image)
    try api.report("w-chain-upscale-0-1", "failed")
    api.advance(by: .seconds(51 * 60))
    let strict = api.post("/workflows/chain/resume", #"{"reuse":"strict"}"#)
    #expect(strict.status == 409 && strict.code == "output_expired" && strict.detail.contains("`image`"))
    #expect(try api.workflow("chain")["attempt"] as? Int == 1)
    let response = api.post("/workflows/chain/resume")
    #expect(
      try response.status == 202 && response.object.steps.map(\.state) == ["pending", "waiting", "waiting"])
    #expect(try api.jobs().first == "w-chain-image-0-2")
  }

  @Test(arguments: [
    ("[]", 400), ("{", 400), (#"{"reuse":"always"}"#, 422), (#"{"reuse":"strict","x":1}"#, 422),
    (#"{"x":1}"#, 422),
  ]) func `another body of a resume is refused`(_ body: String, _ status: Int) throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.one())
    try api.report("w-one-image-0-1", "failed")
    #expect(api.post("/workflows/one/resume", body).status == status)
    #expect(try api.workflow("one")["attempt"] as? Int == 1)
  }

  @Test func `a fan-out with one failure repeats that item alone`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(
      #"{"id":"f","input":{"n":[1,2,3]},"steps":[{"name":"s","model":"m/n","#
        + #""for_each":{"$from":"input#/n"},"input":{"n":{"$from":"item"}}}]}"#)
    try api.report("w-f-s-0-1", output: "10")
    try api.report("w-f-s-2-1", output: "30")
    try api.report("w-f-s-1-1", "failed")
    #expect(try api.workflow("f").state == "failed")
    #expect(api.post("/workflows/f/resume").status == 202)
    #expect(try api.jobs().sorted() == ["w-f-s-0-1", "w-f-s-1-1", "w-f-s-1-2", "w-f-s-2-1"])
    try api.report("w-f-s-1-2", output: "20")
    #expect(api.send("/workflows/f").text.contains(#""output":[10,20,30]"#))
  }

  // MARK: Deleting

  @Test func `an ended workflow is deleted with its jobs, and its id is free`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.one())
    try api.report("w-one-image-0-1", output: "1")
    #expect(api.send("/workflows/one", method: "DELETE").status == 204)
    #expect(api.send("/workflows/one").code == "workflow_not_found")
    #expect(api.send("/jobs/w-one-image-0-1").code == "job_not_found")
    #expect(api.send("/workflows/one", method: "DELETE").status == 404)
    try api.createWorkflow(WorkflowAPI.one(and: #","deadline":"1h""#))
    #expect(try api.jobs() == ["w-one-image-0-1"])
  }

  @Test func `an open workflow is canceled, and deleted with its last job`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    try api.report("w-chain-image-0-1", "processing")
    #expect(api.send("/workflows/chain", method: "DELETE").status == 202)
    let meanwhile = api.post("/workflows", WorkflowAPI.chain)
    #expect(meanwhile.status == 409 && meanwhile.code == "conflict")
    #expect(api.post("/workflows/chain/resume").status == 409)
    #expect(api.send("/jobs/w-chain-image-0-1").text.contains(#""cancel_requested":true"#))
    try api.report("w-chain-image-0-1", "canceled")
    // It pauses between its transactions.
    for _ in 0..<3 { api.advance(by: .seconds(20)) }
    #expect(api.send("/workflows/chain").status == 404)
    #expect(try api.jobs().isEmpty)
  }

  @Test func `a workflow that was never sent is deleted at once`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    #expect(api.send("/workflows/chain", method: "DELETE").status == 204)
    #expect(try api.jobs().isEmpty)
  }

  @Test func `many jobs go with their workflow`() throws {
    let api = try WorkflowAPI.make()
    let items = (0..<60).map(String.init).joined(separator: ",")
    try api.createWorkflow(
      #"{"id":"many","steps":[{"name":"s","model":"m/n","input":{},"max_items":100,"parallel":20,"#
        + #""for_each":[\#(items)]}]}"#
    )
    #expect(api.post("/workflows/many/cancel").status == 202)
    #expect(api.send("/workflows/many", method: "DELETE").status == 204)
    #expect(try api.jobs().isEmpty)
  }

  /// Erasure of a person's data names the metadata of the jobs, which the workflow's are.
  @Test func `deletion by metadata takes the workflow along`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    try api.createWorkflow(WorkflowAPI.one())
    try api.report("w-chain-image-0-1", "failed")
    #expect(try api.workflow("chain").state == "failed")
    let erasure = api.send("/jobs?metadata.user=7", method: "DELETE")
    #expect(try erasure.status == 200 && erasure.object["deleted"] as? Int == 1)
    api.advance(by: .seconds(20))
    #expect(api.send("/workflows/chain").status == 404)
    #expect(api.send("/workflows/one").status == 200)
  }

  @Test func `deletion by metadata cancels an open workflow first`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    try api.report("w-chain-image-0-1", output: Self.image)
    try api.report("w-chain-upscale-0-1", "processing")
    #expect(api.send("/jobs?metadata.user=7&cancel=true", method: "DELETE").status == 202)
    api.advance(by: .seconds(20))
    try api.report("w-chain-upscale-0-1", "canceled")
    for _ in 0..<3 { api.advance(by: .seconds(20)) }
    #expect(api.send("/workflows/chain").status == 404)
    #expect(try api.jobs().isEmpty)
  }
}
