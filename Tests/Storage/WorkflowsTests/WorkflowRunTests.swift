import SimulatedAPI
import StoreFixture
import Testing

/// A workflow from its first job to its end.
@Suite(.everyStore) struct WorkflowRunTests {
  @Test func `each end starts what waited for it, and the last one is the workflow's`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    try api.report("w-chain-image-0-1", output: #"["https://replicate.delivery/out-0.png"]"#)
    #expect(try api.jobs() == ["w-chain-upscale-0-1", "w-chain-image-0-1"])
    let second = api.send("/jobs/w-chain-upscale-0-1").text
    #expect(second.contains(#""input":{"image":"https://replicate.delivery/out-0.png","scale":2}"#))
    try api.report("w-chain-upscale-0-1", output: #""https://replicate.delivery/up.png""#)
    let third = api.send("/jobs/w-chain-caption-0-1").text
    #expect(third.contains(#""prompt":"Describe: a desk lamp""#))
    try api.report("w-chain-caption-0-1", output: #"["A desk"," lamp"," on oak."]"#)
    let end = api.send("/workflows/chain")
    #expect(try end.object.state == "succeeded")
    #expect(
      end.text.contains(#""output":{"file":"https://replicate.delivery/up.png","alt":"A desk lamp on oak."}"#)
    )
    // The steps keep what their jobs made.
    #expect(end.text.contains(#""output":["A desk"," lamp"," on oak."]"#))
    let usage = try end.object["usage"] as? [String: Any]
    #expect(usage?["predictions"] as? Int == 3)
  }

  @Test func `numbers pass through references as they were written`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(
      #"{"id":"n","steps":[{"name":"a","model":"m/n","input":{}},{"name":"b","model":"m/n","#
        + #""input":{"all":{"$from":"a"},"one":{"$from":"a#/1"},"text":{"$text":[{"$from":"a#/2"}]}}}]}"#)
    let output = "[1e400,0.10,12345678901234567890]"
    try api.report("w-n-a-0-1", output: output)
    let document = api.send("/jobs/w-n-b-0-1").text
    #expect(document.contains(#"{"all":\#(output),"one":0.10,"text":"12345678901234567890"}"#))
  }

  @Test func `a fan-out runs as many items at a time as it may`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(
      #"{"id":"f","input":{"prompts":["dawn","noon","dusk"]},"steps":[{"name":"scene","model":"m/n","#
        + #""for_each":{"$from":"input#/prompts"},"parallel":2,"on_item_failure":"skip","#
        + #""input":{"prompt":{"$from":"item"},"seed":{"$from":"index"}}}]}"#)
    #expect(try api.jobs().sorted() == ["w-f-scene-0-1", "w-f-scene-1-1"])
    try api.report("w-f-scene-1-1", "failed")
    #expect(try api.jobs().sorted() == ["w-f-scene-0-1", "w-f-scene-1-1", "w-f-scene-2-1"])
    #expect(api.send("/jobs/w-f-scene-2-1").text.contains(#""input":{"prompt":"dusk","seed":2}"#))
    try api.report("w-f-scene-2-1", output: "[2]")
    try api.report("w-f-scene-0-1", output: "[0]")
    let end = api.send("/workflows/f")
    #expect(try end.object.state == "succeeded")
    #expect(end.text.contains(#""output":[[0],null,[2]]"#))
    #expect(end.text.contains(#""items":{"total":3,"succeeded":2,"failed":1"#))
  }

  @Test func `a failure is the workflow's, with its step and job`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    try api.report("w-chain-image-0-1", "failed")
    let document = try api.workflow("chain")
    #expect(document.state == "failed")
    #expect(document.error?["step"] as? String == "image")
    #expect(document.error?["job_id"] as? String == "w-chain-image-0-1")
    #expect(document.steps.map(\.state) == ["failed", "skipped", "skipped"])
    #expect(document.steps.map { $0["because"] as? String } == [nil, "upstream_failed", "upstream_failed"])
    #expect(try api.jobs() == ["w-chain-image-0-1"])
  }

  @Test func `a fallback runs where the step has failed`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(
      #"{"id":"v","steps":[{"name":"video","model":"acme/large","input":{"p":1},"#
        + #""fallback":[{"model":"acme/small"}]}]}"#)
    try api.report("w-v-video-0-1", "failed")
    #expect(try api.workflow("v").state == "running")
    let second = api.send("/jobs/w-v-video-0-1-f1").text
    #expect(second.contains(#""model":"acme/small""#) && second.contains(#""input":{"p":1}"#))
    try api.report("w-v-video-0-1-f1", output: "1")
    let step = try api.workflow("v").steps[0]
    #expect(step["used"] as? String == "acme/small")
    #expect(step["jobs"] as? [String] == ["w-v-video-0-1", "w-v-video-0-1-f1"])
  }

  /// Test 15 of the contract: the workflow's id used by a job.
  @Test func `a job id that an app has taken fails the step`() throws {
    let api = try WorkflowAPI.make()
    try api.order("w-chain-upscale-0-1")
    try api.order("chain")
    try api.createWorkflow(WorkflowAPI.chain)
    try api.report("w-chain-image-0-1", output: #"["https://replicate.delivery/out-0.png"]"#)
    let document = try api.workflow("chain")
    #expect(document.state == "failed" && document.error?["code"] as? String == "conflict")
    #expect(document.error?["step"] as? String == "upscale")
    // The app's own job is none of the workflow's.
    let job = try api.send("/jobs/w-chain-upscale-0-1").object
    #expect(job["workflow"] == nil && job.state == "pending")
  }

  @Test func `progress of jobs shows in their step`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    try api.report("w-chain-image-0-1", "processing")
    let step = try api.workflow("chain").steps[0]
    #expect(step.state == "running")
    let usage = try api.workflow("chain")["usage"] as? [String: Any]
    #expect(usage?["predictions"] as? Int == 1)
  }
}
