import Testing
import WorkflowDefinitions
import WorkflowGraphs
import WorkflowRules

/// The six examples of the API's documentation.
@Suite struct ExampleTests {
  private static func url(_ name: String) -> String { #""https://replicate.delivery/xezq/\#(name).png""# }

  @Test func `one step`() throws {
    let script = try WorkflowScript(WorkflowExample.one.body)
    #expect(script.ordered == ["w-one-image-0-1"])
    #expect(script.run.state == .pending)
    #expect(
      script.bodies["w-one-image-0-1"]
        == #"{"id":"w-one-image-0-1","model":"acme/poster","input":{"prompt":"two herons"}}"#)
    script.end("w-one-image-0-1", .output("[\(Self.url("a"))]"))
    #expect(script.run.state == .succeeded)
    #expect(script.output == "[\(Self.url("a"))]")
    #expect(script.ends == 1)
  }

  @Test func `image, upscale, caption`() throws {
    let script = try WorkflowScript(WorkflowExample.chain.body)
    #expect(script.states == ["image": "pending", "upscale": "waiting", "caption": "waiting"])
    script.end("w-chain-image-0-1", .output("[\(Self.url("out-0"))]"))
    #expect(script.run.state == .running)
    #expect(try script.input(of: "w-chain-upscale-0-1") == #"{"image":\#(Self.url("out-0")),"scale":2}"#)
    script.end("w-chain-upscale-0-1", .output(Self.url("up")))
    #expect(
      try script.input(of: "w-chain-caption-0-1")
        == #"{"image":\#(Self.url("up")),"prompt":"Describe: a desk lamp"}"#)
    script.end("w-chain-caption-0-1", .output(#"["A desk ", "lamp on oak", "."]"#))
    #expect(script.run.state == .succeeded)
    #expect(script.output == #"{"file":\#(Self.url("up")),"alt":"A desk lamp on oak."}"#)
  }

  @Test func `a fan-out of four, and a fan-in`() throws {
    let script = try WorkflowScript(WorkflowExample.four.body)
    #expect(script.ordered == ["w-four-scene-0-1", "w-four-scene-1-1"])
    script.end("w-four-scene-1-1", .output("[\(Self.url("1"))]"))
    #expect(script.ordered.last == "w-four-scene-2-1")
    #expect(try script.input(of: "w-four-scene-2-1") == #"{"prompt":"a harbour at dusk","seed":2}"#)
    script.end("w-four-scene-2-1", .failure("out_of_memory"))
    script.end("w-four-scene-0-1", .output("[\(Self.url("0"))]"))
    script.end("w-four-scene-3-1", .output("[\(Self.url("3"))]"))
    let scenes = "[[\(Self.url("0"))],[\(Self.url("1"))],null,[\(Self.url("3"))]]"
    #expect(try script.input(of: "w-four-grid-0-1") == #"{"images":\#(scenes)}"#)
    script.end("w-four-grid-0-1", .output(Self.url("grid")))
    #expect(script.output == #"{"grid":\#(Self.url("grid")),"scenes":\#(scenes)}"#)
    #expect(
      script.document.contains(
        #""items":{"total":4,"succeeded":3,"failed":1,"errors":[{"item":2,"code":"out_of_memory"}]}"#))
  }

  @Test func `a gate that refuses fails the workflow`() throws {
    let script = try WorkflowScript(WorkflowExample.refusedGate.body)
    script.end("w-gate-check-0-1", .output(#"{"flagged":true}"#))
    #expect(script.run.state == .failed)
    #expect(script.ordered.count == 1)
    #expect(
      script.document.contains(
        #""error":{"code":"gate_refused","#
          + #""message":"check#/flagged is true, and require asks for false","step":"image"}"#
      ))
  }

  @Test func `a gate that agrees opens`() throws {
    let script = try WorkflowScript(WorkflowExample.refusedGate.body)
    script.end("w-gate-check-0-1", .output(#"{"flagged":false}"#))
    script.end("w-gate-image-0-1", .output("1"))
    #expect(script.output == "1")
  }

  @Test func `a condition that does not hold skips its step`() throws {
    let script = try WorkflowScript(WorkflowExample.skippedStep.body)
    script.end("w-gate-check-0-1", .output(#"{"flagged":true}"#))
    #expect(script.run.state == .succeeded)
    #expect(script.states == ["check": "succeeded", "image": "skipped"])
    #expect(script.run.steps[1].because == .condition)
    #expect(script.output == nil)
  }

  @Test func `a fallback takes over, and an optional step may fail`() throws {
    let script = try WorkflowScript(WorkflowExample.fall.body)
    script.end("w-fall-video-0-1", .failure("out_of_memory"))
    #expect(
      script.bodies["w-fall-video-0-1-f1"]
        == #"{"id":"w-fall-video-0-1-f1","model":"acme/video-small","#
        + #""retries":2,"cancel_after":"10m","input":{"prompt":"waves"}}"#
    )
    script.end("w-fall-video-0-1-f1", .failure("unknown"))
    #expect(try script.input(of: "w-fall-video-0-1-f2") == #"{"text":"waves"}"#)
    script.end("w-fall-video-0-1-f2", .output(#""v""#))
    script.end("w-fall-sound-0-1", .failure("content_refused"))
    #expect(script.run.state == .succeeded)
    #expect(script.output == #""v""#)
    #expect(script.document.contains(#""used":"acme/slideshow""#))
    #expect(
      script.document.contains(
        #""jobs":["w-fall-video-0-1","w-fall-video-0-1-f1","w-fall-video-0-1-f2"]"#))
    #expect(script.run.error == nil)
  }

  @Test(arguments: ["canceled", "content_refused", "gone"])
  func `an error that no fallback is for fails the step`(_ code: String) throws {
    let script = try WorkflowScript(WorkflowExample.fall.body)
    script.end("w-fall-video-0-1", .failure(code))
    #expect(script.ordered.count == 1)
    #expect(script.states == ["video": "failed", "sound": "skipped"])
    #expect(script.run.error?.code == code)
    #expect(script.run.error?.jobID == "w-fall-video-0-1")
  }

  @Test func `a call at the end, within its limits`() throws {
    let script = try WorkflowScript(WorkflowExample.ring.body)
    script.end { _ in .output(#""a""#) }
    #expect(script.run.state == .succeeded)
    #expect(script.run.usage == .init(predictions: 2, predictMilliseconds: 2000))
    #expect(script.document.contains(#""callback":{"url":"https://app.example/hooks/workflows"}"#))
    #expect(script.ends == 1)
  }

  @Test func `the document of a workflow that runs`() throws {
    let script = try WorkflowScript(WorkflowExample.chain.body)
    script.end("w-chain-image-0-1", .output("[\(Self.url("out-0"))]"))
    #expect(
      script.document
        == #"{"id":"chain","state":"running","revision":3,"attempt":1,"input":{"prompt":"a desk lamp"},"#
        + #""steps":[{"name":"image","state":"succeeded","#
        + #""jobs":["w-chain-image-0-1"],"output":[\#(Self.url("out-0"))]},"#
        + #"{"name":"upscale","state":"pending","needs":["image"],"jobs":["w-chain-upscale-0-1"]},"#
        + #"{"name":"caption","state":"waiting","needs":["upscale"],"waits_for":["upscale"]}],"#
        + #""usage":{"predictions":1,"predict_seconds":1.000},"created_at":"2025-12-01T00:00:00.000Z","#
        + #""updated_at":"2025-12-01T00:00:00.000Z","deadline_at":"2025-12-02T00:00:00.000Z"}"# + "\n")
  }
}
