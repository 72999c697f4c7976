import EventLoop
import GroupCommit
import HTTPWire
@testable import JobRequests
import Jobs
import StoreSeam
@testable import Replicate
@testable import Scheduler
import Simulation
import SQLiteStore
@testable import System
import Testing
@testable import Time
import Work

/// Several schedulers over one store, each a process of its own.
@Suite struct SharedSchedulersTests {
  /// Each has one call in flight at a time, so that both create.
  @Test func `no order is created twice`() throws {
    let fleet = try Fleet { $0.line.hasPrefix("POST") ? .held : nil }
    fleet.policy.maxCalls = 1
    for number in 0..<20 { try fleet.store.enqueue("job-\(number)") }
    fleet.start("a", "b")
    for number in 0..<10 {
      try fleet.store.run(
        until: { fleet["a"].client.held.count + fleet["b"].client.held.count == 2 }, within: .seconds(10))
      for name in ["a", "b"] {
        fleet[name].client.release(
          "POST", .json(#"{"id":"\#(name)-\#(number)","status":"starting"}"#, .created))
      }
    }
    try fleet.store.run(for: .seconds(300))
    let bodies = fleet.processes.values.flatMap { $0.client.requests.map(\.body) }.filter { !$0.isEmpty }
    #expect(bodies.count == 20 && Set(bodies).count == 20)
    #expect(fleet["a"].creates == 10 && fleet["b"].creates == 10)
  }

  @Test func `the create rate holds for all processes together`() throws {
    let fleet = try Fleet(createsPerMinute: 60)
    for number in 0..<100 { try fleet.store.enqueue("job-\(number)") }
    fleet.start("a", "b", "c")
    try fleet.store.run(for: .seconds(20))
    // A burst of eight, and one a second. Each process alone would have made as many.
    #expect((26...29).contains(fleet.creates))
    #expect(fleet["b"].mailbox.pace.state?.reason == .throttled)
  }

  @Test func `a pause of one process holds for the others`() throws {
    let fleet = try Fleet { request in
      request.line.hasPrefix("POST") ? .json("{}", .tooManyRequests, retryAfter: "30") : nil
    }
    try fleet.store.enqueue("first")
    fleet.start("a")
    try fleet.store.run(until: { fleet.creates == 1 })
    for number in 0..<5 { try fleet.store.enqueue("job-\(number)") }
    fleet.script.withLock { $0 = nil }
    fleet.start("b")
    try fleet.store.run(for: .seconds(25))
    #expect(fleet.creates == 1)
    let pace = try #require(fleet["b"].mailbox.pace.state)
    #expect(pace.reason == .rateLimited && pace.next > fleet.store.now)
    try fleet.store.run(until: { fleet.creates == 7 }, within: .seconds(20))
  }

  /// Its call may have had its effect, so its prediction is searched for first.
  @Test func `the create call of a dead process is taken over once its lease has ended`() throws {
    let fleet = try Fleet()
    _ = try fleet.store.send("job")
    fleet.start("a", "b")
    try fleet.store.run(for: .seconds(60))
    #expect(fleet.creates == 0 && fleet.lists > 0)
    try fleet.store.run(until: { fleet.creates == 1 }, within: .seconds(60))
    try fleet.store.run(for: .seconds(600))
    #expect(fleet.creates == 1)
    #expect(try fleet.store.stage("job") == .submitted)
  }

  @Test func `an answer after the takeover makes no second prediction`() throws {
    let fleet = try Fleet { $0.line.hasPrefix("POST") ? .held : nil }
    try fleet.store.enqueue("job")
    fleet.start("a")
    try fleet.store.run(until: { fleet.creates == 1 })
    fleet.start("b")
    try fleet.store.run(until: { try fleet.store.stage("job") == .unanswered }, within: .seconds(100))
    try fleet.store.run(for: .seconds(30))
    fleet.script.withLock { $0 = nil }
    fleet["a"].client.release("POST", .json(#"{"id":"p1","status":"starting"}"#, .created))
    try fleet.store.run(until: { try fleet.store.stage("job") == .submitted }, within: .seconds(5))
    try fleet.store.run(for: .seconds(600))
    #expect(fleet.creates == 1)
    #expect(try fleet.store.job("job")?.job.snapshot?.predictionID == "p1")
  }

  /// Otherwise a rolling restart would have all open jobs polled once for each process.
  @Test func `only the first start in a while spreads the polls`() throws {
    let fleet = try Fleet()
    try fleet.store.deliver("p1", "processing", .running, at: fleet.store.now)
    func isSpread(by process: String) throws -> Bool {
      let due = fleet.store.now.advanced(byMilliseconds: 600_000)
      try fleet.store.setChecksDue(to: due.milliseconds)
      fleet.start(process)
      try fleet.store.run(for: .milliseconds(200))
      return try fleet.store.reader().nextDue(.poll) != due
    }
    #expect(try isSpread(by: "a"))
    #expect(try !isSpread(by: "b"))
    fleet.stop("a", "b")
    #expect(try !isSpread(by: "c"))
    fleet.stop("c")
    try fleet.store.run(for: .seconds(61))
    #expect(try isSpread(by: "d"))
  }

  @Test func `the process that has the duty deletes old jobs, and another after its end`() throws {
    let fleet = try Fleet()
    try fleet.store.deliver("p1", "succeeded", .succeeded, at: Timestamp(milliseconds: 1))
    fleet.start("a")
    try fleet.store.run(for: .milliseconds(100))
    fleet.policy.firstPrunePause = .seconds(1)
    fleet.start("b")
    try fleet.store.run(for: .seconds(120))
    #expect(try fleet.store.job("p1") != nil)
    fleet.stop("a")
    try fleet.store.run(for: .seconds(3600))
    #expect(try fleet.store.job("p1") == nil)
  }

  /// A process that was suspended after its claim must not send what another may have taken over.
  @Test(arguments: [(35, true), (36, false)])
  func `a create call starts in the first half of its lease`(_ seconds: Int, _ isSent: Bool) throws {
    let store = try SimulatedStore()
    let client = ScriptedClient { _ in .json(#"{"id":"p1","status":"starting"}"#, .created) }
    let calls = try store.calls(to: client)
    let step = try store.send("job")
    let claimedAt = store.kernel.monotonicTime
    store.kernel.spend(.seconds(seconds))
    _ = try store.run { [calls] in await calls.value.perform(.create(step), claimedAt: claimedAt) }
    #expect(client.lines.isEmpty != isSent)
    #expect(try store.stage("job") == (isSent ? .submitted : .queued))
  }
}

/// Processes that share one store and one account.
private final class Fleet {
  typealias Script = @Sendable (ScriptedClient.Request) -> ScriptedClient.Answer?

  struct Process {
    let mailbox: Mailbox
    let client: ScriptedClient
    let task: Task<Void, Never>
    let hasEnded: OneShot<Void>

    var creates: Int { client.lines.count { $0.hasPrefix("POST") } }
  }

  let store: SimulatedStore
  /// Answers before the default: every prediction is created, and goes on for ever.
  let script: Lock<Script?>
  var policy: SchedulerPolicy
  private(set) var processes: [String: Process] = [:]

  init(createsPerMinute: Int = 600, _ script: Script? = nil) throws {
    store = try SimulatedStore(isShared: true)
    self.script = Lock(script)
    policy = .test
    policy.creationRate = CreationRate(perMinute: createsPerMinute)
  }

  deinit {
    for process in processes.values { process.task.cancel() }
    // A task that does not end would keep all that it uses.
    let ends = processes.values.map(\.hasEnded)
    try? store.run(until: { ends.allSatisfy { $0.current != nil } }, within: .seconds(10))
  }

  subscript(name: String) -> Process {
    guard let process = processes[name] else { preconditionFailure("\(name) was not started") }
    return process
  }

  var creates: Int { processes.values.map(\.creates).reduce(0, +) }
  var lists: Int {
    processes.values.map { $0.client.lines.count { $0 == "GET /v1/predictions" } }.reduce(0, +)
  }

  func start(_ names: String...) {
    for name in names {
      do {
        try start(name)
      } catch {
        Issue.record("\(name): \(error)")
      }
    }
  }

  private func start(_ name: String) throws {
    let client = ScriptedClient { [script] request in
      if let answer = script.withLock({ $0 })?(request) { return answer }
      if request.line.hasPrefix("POST") {
        return .json(#"{"id":"\#(name)-\#(request.before)","status":"starting"}"#, .created)
      }
      if request.path.count < 3 { return .json(#"{"results":[],"next":null}"#) }
      return .json(#"{"id":"\#(request.path[2])","status":"processing"}"#)
    }
    let mailbox = Mailbox(loop: store.loop)
    let scheduler = Scheduler(
      mailbox: mailbox, client: try client.api(), publicURL: "https://h.example", rules: LiveOutputRules(),
      token: JobToken(key: Array(repeating: 7, count: 32)), reader: try SQLiteReader(path: store.path),
      queue: store.addProcess(name), policy: policy, metrics: store.metrics, logger: store.logger)
    let hasEnded = OneShot<Void>()
    let task = store.loop.start {
      await scheduler.run()
      hasEnded.set(())
    }
    processes[name] = Process(mailbox: mailbox, client: client, task: task, hasEnded: hasEnded)
  }

  func stop(_ names: String...) {
    for name in names { self[name].task.cancel() }
  }
}
