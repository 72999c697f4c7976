import SimulatedAPI
import StoreFixture
import Testing
import Time

/// `GET /workflows/{id}/events`.
@Suite(.everyStore) struct WorkflowStreamTests {
  @Test func `a stream shows the present state, each change, and the end`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    let stream = api.send("/workflows/chain/events")
    #expect(stream.status == 200 && stream.field("content-type") == "text/event-stream")
    #expect(stream.text.hasPrefix("retry: "))
    // Of another workflow, whose job's id begins alike.
    try api.createWorkflow(WorkflowAPI.one("chain-image"))
    try api.report("w-chain-image-image-0-1", output: "1")
    #expect(stream.events.count == 1)
    try api.report("w-chain-image-0-1", "processing")
    try api.report("w-chain-image-0-1", output: "[1]")
    // The next step's job, which was ordered while the stream was open.
    try api.report("w-chain-upscale-0-1", "processing")
    try api.report("w-chain-upscale-0-1", output: "2")
    #expect(!stream.isComplete && api.openStreams == 1)
    try api.report("w-chain-caption-0-1", output: "\"3\"")
    #expect(stream.isComplete && api.openStreams == 0)
    let events = stream.events
    #expect(events.allSatisfy { $0.name == "workflow" })
    let revisions = events.compactMap { $0.id.flatMap { Int($0) } }
    #expect(revisions.count == events.count && revisions == revisions.sorted())
    // What came in one turn may come as one event.
    #expect(Set(revisions).count >= 5)
    #expect(events.first?.data?.contains(#""state":"pending""#) == true)
    let document = api.send("/workflows/chain").text.split(separator: "\n").joined()
    #expect(events.last?.data == document)
  }

  /// No poll would find them sooner than the keep-alive.
  @Test func `each change is sent when it is committed`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    let stream = api.send("/workflows/chain/events")
    let start = api.now
    for (step, output) in [("image", "[1]"), ("upscale", "2"), ("caption", "\"3\"")] {
      let known = stream.events.count
      try api.report("w-chain-\(step)-0-1", "processing")
      #expect(stream.events.count > known)
      let running = stream.events.count
      try api.report("w-chain-\(step)-0-1", output: output)
      #expect(stream.events.count > running)
    }
    #expect(stream.isComplete)
    #expect(api.now.milliseconds - start.milliseconds < 15_000)
  }

  @Test func `a cancel of what runs is shown`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    try api.report("w-chain-image-0-1", "processing")
    let stream = api.send("/workflows/chain/events")
    #expect(api.post("/workflows/chain/cancel").status == 202)
    #expect(stream.events.last?.data?.contains(#""stopping":"cancel""#) == true)
    try api.report("w-chain-image-0-1", "canceled")
    #expect(stream.isComplete && stream.events.last?.data?.contains(#""state":"canceled""#) == true)
  }

  @Test func `a reconnect after the end stops an EventSource`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.one())
    try api.report("w-one-image-0-1", output: "1")
    let stream = api.send("/workflows/one/events")
    #expect(stream.isComplete && stream.events.count == 1)
    let id = try #require(stream.events.last?.id)
    #expect(api.send("/workflows/one/events", fields: ["Last-Event-ID: \(id)"]).status == 204)
    #expect(api.send("/workflows/one/events", fields: ["Last-Event-ID: 1"]).events.count == 1)
  }

  @Test func `an idle stream sends a comment every 15 seconds, and no event`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.one())
    let stream = api.send("/workflows/one/events")
    api.advance(by: .seconds(46))
    #expect(stream.text.split(separator: "\n").count { $0 == ":" } == 3)
    #expect(stream.events.count == 1)
  }

  @Test func `a deleted workflow ends its stream`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.chain)
    let stream = api.send("/workflows/chain/events")
    #expect(api.send("/workflows/chain", method: "DELETE").status == 204)
    api.advance(by: .seconds(16))
    #expect(stream.isComplete)
  }

  @Test func `unknown workflows and parameters are refused, and the shutdown ends a stream`() throws {
    let api = try WorkflowAPI.make()
    try api.createWorkflow(WorkflowAPI.one())
    #expect(api.send("/workflows/none/events").code == "workflow_not_found")
    #expect(api.send("/workflows/one/events?x=1").status == 400)
    let head = api.send("/workflows/one/events", method: "HEAD")
    #expect(head.status == 200 && head.text.isEmpty && api.openStreams == 0)
    let stream = api.send("/workflows/one/events")
    api.drain()
    #expect(stream.isComplete && api.isOver)
  }
}
