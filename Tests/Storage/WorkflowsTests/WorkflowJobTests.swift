import Foundation
import SimulatedAPI
import StoreFixture
import Testing

/// The jobs of workflows, as the jobs API has them.
@Suite(.everyStore) struct WorkflowJobTests {
  private func api() throws -> SimulatedAPI {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    // An app may name its jobs alike.
    try api.order("w-own-image-0-1")
    return api
  }

  @Test func `documents, lists and the change feed name the workflow and the step`() throws {
    let api = try api()
    let member = #""workflow":"chain","step":"image""#
    #expect(api.send("/jobs/w-chain-image-0-1").text.contains(member))
    #expect(!api.send("/jobs/w-own-image-0-1").text.contains("\"workflow\""))
    let rows = try api.send("/jobs").object["jobs"] as? [[String: Any]] ?? []
    #expect(rows.map { $0["workflow"] as? String } == [nil, "chain"])
    #expect(rows.map { $0["step"] as? String } == [nil, "image"])
    #expect(api.send("/events").text.contains(member))
  }

  @Test func `metadata of the workflow finds its jobs`() throws {
    let api = try api()
    let rows = try api.send("/jobs?metadata.user=7").object["jobs"] as? [[String: Any]] ?? []
    #expect(rows.contains { $0["id"] as? String == "w-chain-image-0-1" })
  }

  @Test func `a job is neither retried nor deleted without its workflow`() throws {
    let api = try api()
    try api.report("w-chain-image-0-1", "failed")
    let retry = api.post("/jobs/w-chain-image-0-1/retry")
    #expect(retry.status == 409 && retry.code == "conflict")
    #expect(retry.detail.contains("POST /workflows/chain/resume"))
    let deletion = api.send("/jobs/w-chain-image-0-1", method: "DELETE")
    #expect(deletion.status == 409 && deletion.detail.contains("DELETE /workflows/chain"))
    #expect(api.send("/jobs/w-chain-image-0-1").status == 200)
    try api.report("w-own-image-0-1", "failed")
    #expect(api.post("/jobs/w-own-image-0-1/retry").status == 202)
    #expect(api.send("/jobs/w-own-image-0-1", method: "DELETE").status == 204)
  }

  @Test func `a canceled job is its step's failure`() throws {
    let api = try api()
    // It was not sent yet.
    #expect(api.post("/jobs/w-chain-image-0-1/cancel").status == 200)
    let document = try api.workflow("chain")
    #expect(document.steps.map(\.state) == ["canceled", "skipped", "skipped"])
    #expect(document.state == "failed" && document.error?["code"] as? String == "canceled")
  }
}
