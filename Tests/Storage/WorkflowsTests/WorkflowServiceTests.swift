import Ledger
import SimulatedAPI
import StoreFixture
import Tables
import Testing
import WorkflowRecords

/// What happens to workflows by the clock.
@Suite(.everyStore) struct WorkflowServiceTests {
  private static let day = Duration.seconds(86_400)

  @Test func `a deadline cancels what runs, and is the workflow's error`() throws {
    let api = try WorkflowAPI.make()
    let short = WorkflowAPI.chain.replacing("\"output\":{", with: #""deadline":"5m","output":{"#)
    try api.createWorkflow(short)
    try api.createWorkflow(WorkflowAPI.one(and: #","deadline":"1h""#))
    #expect(try api.workflow("chain")["deadline_at"] is String)
    try api.report("w-chain-image-0-1", "processing")
    api.advance(by: .seconds(290))
    #expect(try api.workflow("chain")["stopping"] == nil)
    api.advance(by: .seconds(12))
    #expect(try api.workflow("chain")["stopping"] as? String == "deadline")
    #expect(api.send("/jobs/w-chain-image-0-1").text.contains(#""cancel_requested":true"#))
    try api.report("w-chain-image-0-1", "canceled")
    let document = try api.workflow("chain")
    #expect(document.state == "failed" && document.error?["code"] as? String == "deadline")
    #expect(document.steps.map(\.state) == ["canceled", "canceled", "canceled"])
    #expect(try api.workflow("one").state == "pending")
  }

  @Test func `a deadline ends what was never sent at once`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.one(and: #","deadline":"10s""#))
    api.advance(by: .seconds(11))
    let document = try api.workflow("one")
    #expect(document.state == "failed" && document.error?["code"] as? String == "deadline")
  }

  @Test func `a workflow whose rows are damaged keeps no other from its deadline or its deletion`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.one("bad", and: #","deadline":"5s""#))
    try api.createWorkflow(WorkflowAPI.one("good", and: #","deadline":"10s""#))
    try api.createWorkflow(WorkflowAPI.one("last"))
    try api.report("w-last-image-0-1", "processing")
    try api.commit([
      LedgerWork { transaction in
        transaction.deleteRow(of: WorkflowStepTable.declaration, key: WorkflowStepTable.key("bad", 0))
        for id in ["bad", "last"] {
          transaction.put([.text(id), .integer(1)], in: WorkflowErasureTable.declaration)
        }
      }
    ])
    api.advance(by: .seconds(40))
    #expect(try api.workflow("good").error?["code"] as? String == "deadline")
    try api.report("w-last-image-0-1", "canceled")
    api.advance(by: .seconds(40))
    #expect(api.send("/workflows/last").status == 404)
  }

  @Test func `an ended workflow is deleted after RETENTION with its jobs, an open one is not`() throws {
    let api = try WorkflowAPI.make(["RETENTION": "2d"])
    let long = #","deadline":"30d""#
    try api.createWorkflow(WorkflowAPI.one("done", and: long))
    try api.createWorkflow(WorkflowAPI.one("open", and: long))
    try api.createWorkflow(
      #"{"id":"half","deadline":"30d","steps":[{"name":"a","model":"m/n","input":{}},"#
        + #"{"name":"b","model":"m/n","input":{},"after":["a"]}]}"#
    )
    try api.report("w-done-image-0-1", output: "1")
    try api.report("w-half-a-0-1", output: "1")
    api.advance(by: Self.day)
    #expect(api.send("/workflows/done").status == 200)
    api.advance(by: Self.day + .seconds(7200))
    #expect(api.send("/workflows/done").status == 404)
    #expect(api.send("/jobs/w-done-image-0-1").status == 404)
    #expect(try api.states(of: "half") == ["succeeded", "pending"])
    #expect(api.send("/jobs/w-half-a-0-1").status == 200)
    #expect(try api.workflow("open").state == "pending")
  }
}
