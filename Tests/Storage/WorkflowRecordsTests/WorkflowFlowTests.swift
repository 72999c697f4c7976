import Jobs
import Ledger
import StoreFixture
import StoreSeam
import Testing
import Time
import WorkflowDefinitions
import WorkflowRecords
import WorkflowRules

/// Workflows in a store: which jobs are ordered in the transactions that record ends.
@Suite(.everyStore) struct WorkflowFlowTests {
  private static let chain = #"""
    {"input":{"prompt":"a lamp"},"steps":[
      {"name":"image","model":"acme/poster","input":{"prompt":{"$from":"input#/prompt"}}},
      {"name":"caption","model":"acme/captioner","input":{"image":{"$from":"image#/0"}}}],
     "output":{"alt":{"$from":"caption"}}}
    """#

  @Test func `the next step is ordered with the end of the last`() async throws {
    let ledger = try WorkflowLedger()
    #expect(try ledger.create(Self.chain) == .created)
    #expect(try await ledger.store.ids() == ["w-w-image-0-1"])
    try ledger.end("w-w-image-0-1", output: #"["https://x.example/a.png"]"#)
    #expect(try await ledger.store.ids() == ["w-w-caption-0-1", "w-w-image-0-1"])
    #expect(
      try await ledger.input(ofJob: "w-w-caption-0-1").contains(
        #""input":{"image":"https://x.example/a.png"}"#))
    #expect(try await ledger.states() == [.succeeded, .pending])
    try ledger.end("w-w-caption-0-1", output: #""A lamp.""#)
    #expect(try await ledger.output() == #"{"alt":"A lamp."}"#)
    #expect(try await ledger.run().state == .succeeded)
    #expect(ledger.announcements.types == ["w workflow.succeeded"])
  }

  @Test func `a list reads no outputs`() async throws {
    let ledger = try WorkflowLedger()
    for id in ["a", "b"] {
      try ledger.create(#"{"id":"\#(id)","steps":[{"name":"s","model":"m/m","input":{}}]}"#)
      try ledger.end("w-\(id)-s-0-1", output: "1")
    }
    let stored = try #require(try await ledger.store.reader.storedWorkflow("a"))
    let listed = try #require(try await ledger.store.reader.workflow(listed: stored, ledger.context))
    #expect(listed.run.state == .succeeded && listed.run.output == nil)
    #expect(listed.run.steps.map(\.state) == [.succeeded])
    #expect(try await ledger.output("a") == "1")
  }

  /// Numbers are slices of the text, and nothing is printed again.
  @Test(arguments: ["1e400", "0.10", "12345678901234567890", #""\u00e9\ud83d\ude00""#, #"{"a" : [1, 2]}"#])
  func `a value passes byte for byte`(_ value: String) async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain)
    try ledger.end("w-w-image-0-1", output: "[\(value)]")
    #expect(try await ledger.input(ofJob: "w-w-caption-0-1").contains(#""image":\#(value)"#))
  }

  @Test func `all that one batch ends is followed in it`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(
      #"""
      {"steps":[{"name":"a","model":"m/m","input":{}},{"name":"b","model":"m/m","input":{}},
        {"name":"c","model":"m/m","input":{"x":[{"$from":"a"},{"$from":"b"}]}}]}
      """#)
    try ledger.send()
    _ = try ledger.store.ledger.commit([
      ledger.delivery("w-w-a-0-1", output: "1"), ledger.delivery("w-w-b-0-1", output: "2"),
    ])
    #expect(try await ledger.input(ofJob: "w-w-c-0-1").contains(#"{"x":[1,2]}"#))
    #expect(try await ledger.run().revision == 3)
  }

  @Test func `the first of two ends decides`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain)
    try ledger.end("w-w-image-0-1", output: #"["first"]"#)
    _ = try ledger.store.ledger.commit([ledger.delivery("w-w-image-0-1", output: #"["second"]"#)])
    #expect(try await ledger.input(ofJob: "w-w-caption-0-1").contains(#""image":"first""#))
    #expect(try await ledger.store.jobCount() == 2)
  }

  @Test func `a repeated delivery changes nothing`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain)
    try ledger.send()
    let delivery = ledger.delivery("w-w-image-0-1", output: #"["x"]"#)
    _ = try ledger.store.ledger.commit([delivery])
    let revision = try await ledger.run().revision
    _ = try ledger.store.ledger.commit([delivery, delivery])
    #expect(try await ledger.run().revision == revision)
    #expect(try await ledger.store.jobCount() == 2)
  }

  /// A job's times never go back, and an order that is due with them would wait for the clock.
  @Test func `an order is due at once after the clock was set back`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain)
    try ledger.send()
    let now = ledger.store.now
    ledger.store.advance(OrderedStore.aWhile)
    _ = try ledger.store.ledger.commit([ledger.delivery("w-w-image-0-1", .running)])
    ledger.store.now = now
    try ledger.end("w-w-image-0-1", output: #"["x"]"#)
    #expect(try await ledger.store.order("w-w-caption-0-1").dueAt == now)
    #expect(try ledger.send().map(\.job.id) == ["w-w-caption-0-1"])
  }

  @Test func `a restart changes nothing`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain)
    try ledger.end("w-w-image-0-1", output: #"["x"]"#)
    let before = try await ledger.run()
    try ledger.store.reopen()
    #expect(try await ledger.run() == before)
    #expect(try !ledger.check())
    try ledger.end("w-w-caption-0-1", output: "1")
    #expect(try await ledger.run().state == .succeeded)
  }

  @Test func `a step fails where another job has its id, which is not touched`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.store.place("w-w-caption-0-1", request: "{}")
    try ledger.create(Self.chain)
    try ledger.end("w-w-image-0-1", output: #"["x"]"#)
    let run = try await ledger.run()
    #expect(run.state == .failed && run.error?.code == "conflict" && run.error?.step == "caption")
    #expect(try await ledger.store.job("w-w-caption-0-1").state == .pending)
    // Nor does its end mean anything for the workflow.
    try ledger.end("w-w-caption-0-1", output: "1")
    #expect(try await ledger.run() == run)
  }

  @Test func `a job cannot take the id of a workflow's`() throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain)
    guard case .conflict = try ledger.store.place("w-w-image-0-1") else {
      Issue.record("an id was given twice")
      return
    }
  }

  @Test func `a failed step skips what needs it, and its fallback is tried before`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(
      #"""
      {"steps":[{"name":"video","model":"m/large","input":{"p":1},"fallback":[{"model":"m/small"}]},
        {"name":"sound","model":"m/foley","input":{"v":{"$from":"video"}}}]}
      """#)
    try ledger.end("w-w-video-0-1", .failed)
    #expect(try await ledger.store.ids() == ["w-w-video-0-1-f1", "w-w-video-0-1"])
    try ledger.end("w-w-video-0-1-f1", .failed)
    let run = try await ledger.run()
    #expect(run.steps.map(\.state) == [.failed, .skipped] && run.steps[1].because == .upstreamFailed)
    #expect(run.error?.jobID == "w-w-video-0-1-f1" && run.usage.predictions == 2)
    #expect(ledger.announcements.types == ["w workflow.failed"])
  }

  @Test func `an optional step that fails leaves the first value that there is`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(
      #"""
      {"steps":[{"name":"video","model":"m/m","input":{}},
        {"name":"sound","model":"m/m","optional":true,"input":{"v":{"$from":"video"}}}],
       "output":{"$first":[{"$from":"sound"},{"$from":"video"}]}}
      """#)
    try ledger.end("w-w-video-0-1", output: #""v.mp4""#)
    try ledger.end("w-w-sound-0-1", .failed)
    #expect(try await ledger.output() == #""v.mp4""#)
  }

  @Test func `a failure cancels three siblings upstream`() async throws {
    let ledger = try WorkflowLedger()
    let steps = ["a", "b", "c", "d"].map { #"{"name":"\#($0)","model":"m/m","input":{}}"# }
    try ledger.create(#"{"on_failure":"cancel","steps":[\#(steps.joined(separator: ","))]}"#)
    try ledger.send()
    _ = try ledger.store.ledger.commit(
      ["a", "b", "c", "d"].map { ledger.delivery("w-w-\($0)-0-1", .running) })
    try ledger.end("w-w-a-0-1", .failed)
    let cancels = try ledger.send().filter { if case .cancel = $0.action { true } else { false } }
    #expect(Set(cancels.map(\.job.id)) == ["w-w-b-0-1", "w-w-c-0-1", "w-w-d-0-1"])
    #expect(try await ledger.run().stop == .failure)
    for step in ["b", "c", "d"] { try ledger.end("w-w-\(step)-0-1", .canceled) }
    #expect(try await ledger.run().state == .failed)
    #expect(try await ledger.states() == [.failed, .canceled, .canceled, .canceled])
  }

  @Test func `a queued order that is canceled ends in the same transaction`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain)
    #expect(try ledger.cancel() == .canceled)
    #expect(try await ledger.run().state == .canceled)
    #expect(try ledger.send().isEmpty)
    #expect(try ledger.cancel() == .ended)
    #expect(try ledger.cancel("other") == .notFound)
    #expect(ledger.announcements.types == ["w workflow.canceled"])
  }

  @Test func `a fan-out starts as many items as may run, in order`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(
      #"""
      {"steps":[{"name":"s","model":"m/m","for_each":["a","b","c","d"],"parallel":2,"on_item_failure":"skip",
        "input":{"p":{"$from":"item"},"n":{"$from":"index"}}}]}
      """#)
    #expect(try await ledger.store.ids() == ["w-w-s-1-1", "w-w-s-0-1"])
    try ledger.end("w-w-s-1-1", output: "11")
    #expect(try await ledger.store.ids() == ["w-w-s-2-1", "w-w-s-1-1", "w-w-s-0-1"])
    try ledger.end("w-w-s-2-1", .failed)
    try ledger.end("w-w-s-0-1", output: "10")
    try ledger.end("w-w-s-3-1", output: "13")
    #expect(try await ledger.output() == "[10,11,null,13]")
  }

  @Test(arguments: [1, 2, 3])
  func `limits.predictions stops exactly there`(_ limit: Int) async throws {
    let ledger = try WorkflowLedger()
    let steps = (0..<3).map {
      #"{"name":"s\#($0)","model":"m/m","input":{}\#($0 > 0 ? #","after":["s\#($0 - 1)"]"# : "")}"#
    }
    try ledger.create(
      #"{"limits":{"predictions":\#(limit)},"steps":[\#(steps.joined(separator: ","))]}"#)
    for step in 0..<limit { try ledger.end("w-w-s\(step)-0-1", output: "1") }
    let run = try await ledger.run()
    #expect(run.state == (limit == 3 ? .succeeded : .failed))
    #expect(run.error?.code == (limit == 3 ? nil : "limit_reached"))
    #expect(try await ledger.store.jobCount() == limit)
  }

  @Test func `a deadline cancels what runs`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(#"{"deadline":"30m",\#(Self.chain.drop { $0 != "\"" })"#)
    try ledger.passDeadline()
    #expect(try await ledger.run().stop == nil)
    ledger.store.advance(31 * 60_000)
    try ledger.passDeadline()
    let run = try await ledger.run()
    #expect(run.state == .failed && run.error?.code == "deadline")
  }

  @Test func `an end that was recorded without the reaction is followed by the check`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain)
    try ledger.send()
    let plain = Ledger(store: try ledger.store.backend.open(tables: WorkflowTables.all))
    _ = try plain.commit([ledger.delivery("w-w-image-0-1", output: #"["x"]"#)])
    #expect(try await ledger.states() == [.pending, .waiting])
    try ledger.store.reopen()
    #expect(try ledger.check())
    #expect(try await ledger.states() == [.succeeded, .pending])
    #expect(try !ledger.check())
  }
}
