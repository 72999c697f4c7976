import EventLoop
import HTTPClient
import HTTPWire
@testable import JobRequests
import Jobs
@testable import Observability
@testable import Replicate
@testable import Scheduler
import Simulation
import StoreSeam
import SQLiteStore
@testable import System
import Testing
@testable import Time

/// The whole scheduler on a simulated clock, with a real store and a scripted provider.
@Suite struct SchedulerRunTests {
  /// A search walks the whole list for all lost orders. One lost meanwhile waits for the next search.
  @Test func `one search runs at a time`() throws {
    let run = try Run()
    try run.lose("a")
    run.start()
    try run.run(untilHeld: [Self.list])
    // Another is lost during the search; the call for "c" shows that both were seen.
    try run.lose("b")
    try run.store.enqueue("c")
    run.mailbox.wake()
    try run.run(untilHeld: [Self.list, Self.create])
    try run.store.run(for: .seconds(30))
    #expect(run.client.lines.count { $0 == Self.list } == 1)
    run.client.release(Self.list, .json(#"{"results":[],"next":null}"#))
    try run.run(untilHeld: [Self.create, Self.list])
    run.client.release(Self.list, .json(run.page(listing: "b")))
    try run.store.run(until: { try run.store.stage("b") == .submitted })
    #expect(try run.store.stage("a") == .unanswered)
  }

  /// A rejected token holds for every call, so one probes it.
  @Test func `after a rejected token one call is made at a time`() throws {
    var policy = SchedulerPolicy.test
    policy.maxCalls = 2
    let run = try Run(policy)
    for id in ["a", "b", "c", "d"] { try run.store.enqueue(id) }
    run.start()
    try run.run(untilHeld: [Self.create, Self.create])
    for _ in 1...2 { run.client.release(Self.create, .json(#"{"detail":"no"}"#, .unauthorized)) }
    try run.store.run(for: .seconds(59))
    #expect(run.client.held == [] && run.mailbox.pace.state?.reason == .unauthorized)
    try run.run(untilHeld: [Self.create])
    // A call could start, and the rate allows it soon enough.
    try run.store.run(for: .seconds(10))
    #expect(run.client.held.count == 1)
    run.client.release(Self.create, .json(#"{"id":"p1","status":"starting"}"#, .created))
    try run.run(untilHeld: [Self.create, Self.create])
  }

  /// An unreadable row fails the transaction that claims due rows.
  ///
  /// It is skipped, and the others are done.
  @Test func `an unreadable row blocks no other work`() throws {
    let run = try Run()
    try run.store.enqueue("broken")
    try run.store.execute("UPDATE jobs SET phase = 'nowhere', due_at = 0 WHERE id = 'broken'")
    try run.store.execute(
      """
      UPDATE work SET due_at = 0;
      INSERT INTO work (job, kind, key, due_at, tries) SELECT number, 'poll', '', 0, 0 FROM jobs WHERE true
      ON CONFLICT DO NOTHING
      """)
    try run.store.enqueue("a")
    try run.openJob("p1")
    run.start()
    try run.store.run(until: { run.client.held.contains(Self.create) }, within: .seconds(5))
    try run.store.run(until: { run.store.log.contains("job became stale") }, within: .seconds(5))
    #expect(run.store.log.contains("row damaged or not writable"))
  }

  /// Pruned jobs are logged.
  @Test func `deletions are logged and so is a clock that makes everything old`() throws {
    let run = try Run(hasToken: false)
    try run.endJob("p1", daysAgo: 400)
    run.start()
    try run.store.run(until: { run.store.log.contains("deleted jobs past RETENTION") })
    #expect(run.store.log.contains("every job is older than RETENTION"))
    #expect(run.store.metrics.prunedJobs.value == 1)
  }

  @Test func `nothing is deleted in the first hour after a start`() throws {
    let run = try Run(hasToken: false)
    try run.endJob("p1", daysAgo: 400)
    run.start()
    try run.store.run(for: .seconds(3599))
    #expect(run.store.metrics.prunedJobs.value == 0)
    try run.store.run(for: .seconds(2))
    #expect(run.store.metrics.prunedJobs.value == 1)
  }

  @Test func `at most eight calls are in flight and the ninth follows the first end`() throws {
    let run = try Run()
    for number in 0..<12 { try run.store.enqueue("job-\(number)") }
    run.start()
    try run.run(untilHeld: Array(repeating: Self.create, count: 8))
    try run.store.run(for: .seconds(10))
    #expect(run.client.held.count == 8)
    run.client.release(Self.create, .json(#"{"id":"p1","status":"starting"}"#, .created))
    try run.run(untilHeld: Array(repeating: Self.create, count: 8))
    #expect(run.client.lines.count == 9)
  }

  /// Its order would otherwise stay `sending` until the next start.
  @Test func `a create call whose result the store rejects is searched for`() throws {
    let run = try Run()
    try run.store.enqueue("a")
    run.start()
    try run.run(untilHeld: [Self.create])
    try run.store.execute(
      """
      CREATE TRIGGER rejected BEFORE UPDATE OF stage ON orders BEGIN SELECT RAISE(ABORT, 'rejected'); END
      """)
    run.client.release(Self.create, .json(#"{"detail":"no credit"}"#, .paymentRequired))
    try run.store.run(for: .seconds(30))
    #expect(try run.store.stage("a") == .sending)
    try run.store.execute("DROP TRIGGER rejected")
    try run.store.run(until: { run.client.held.contains(Self.list) }, within: .seconds(90))
    #expect(try run.store.stage("a") == .unanswered)
  }

  /// A call that was in flight may have had its effect.
  @Test func `an order that was being sent is searched for after a start`() throws {
    let run = try Run()
    _ = try run.store.send("a")
    run.start()
    try run.run(untilHeld: [Self.list])
    #expect(try run.store.stage("a") == .unanswered)
  }

  @Test func `due times move with a wall clock that is set back`() throws {
    let run = try Run()
    run.start()
    try run.store.run(for: .seconds(10))
    try run.openJob("p1", dueAt: run.store.now.advanced(byMilliseconds: 30_000))
    run.store.kernel.stepWallClock(byMilliseconds: -86_400_000)
    try run.run(untilHeld: ["GET /v1/predictions/p1"], within: .seconds(70))
    #expect(run.store.log.contains("wall clock stepped"))
  }

  /// The mailbox coalesces what anybody can cause.
  @Test func `wrong signatures cause one fetch of the secret in five minutes`() throws {
    var policy = SchedulerPolicy.test
    policy.fetchesSecret = true
    let run = try Run(policy)
    run.start()
    for _ in 0..<10 {
      for _ in 0..<1000 { run.mailbox.noteFailedVerification() }
      try run.store.run(for: .seconds(29))
      run.client.release("GET /v1/webhooks/default/secret", .json(#"{"key":"whsec_x"}"#))
    }
    #expect(run.client.lines == ["GET /v1/webhooks/default/secret"])
    try run.store.run(for: .seconds(10))
    run.mailbox.noteFailedVerification()
    try run.run(untilHeld: ["GET /v1/webhooks/default/secret"])
  }

  /// Calls in flight end with the daemon. The next start searches for their predictions.
  @Test func `a canceled scheduler ends its calls and itself at once`() throws {
    let run = try Run()
    try run.store.enqueue("a")
    let running = run.start()
    try run.run(untilHeld: [Self.create])
    running.task.cancel()
    try run.store.run(until: { running.hasEnded.current != nil }, within: .seconds(1))
    #expect(run.client.held == [])
    #expect(try run.store.stage("a") == .unanswered)
  }

  /// The same seed is the same run.
  @Test func `a scheduler's run repeats itself`() throws {
    let lines = try (0..<2).map { _ in
      let run = try Run { _ in .failure(.unanswered("reset")) }
      for number in 0..<20 { try run.store.enqueue("job-\(number)") }
      try run.openJob("p1")
      run.start()
      try run.store.run(for: .seconds(300))
      return run.client.lines
    }
    #expect(lines[0].count > 60 && lines[0] == lines[1])
  }

  static let list = "GET /v1/predictions"
  static let create = "POST /v1/models/owner/model/predictions"
}

/// A scheduler with its store and its provider.
private final class Run {
  let store: SimulatedStore
  let mailbox: Mailbox
  let client: ScriptedClient
  private let token = JobToken(key: Array(repeating: 7, count: 32))
  private let policy: SchedulerPolicy
  private let hasToken: Bool
  private var task: Task<Void, Never>?

  init(
    _ policy: SchedulerPolicy = .test, hasToken: Bool = true,
    _ script: @escaping ScriptedClient.Script = { _ in .held }
  ) throws {
    store = try SimulatedStore()
    mailbox = Mailbox(loop: store.loop)
    client = ScriptedClient(script)
    self.policy = policy
    self.hasToken = hasToken
    scheduler = Scheduler(
      mailbox: mailbox, client: hasToken ? try client.api() : nil, publicURL: "https://h.example",
      rules: LiveOutputRules(), token: token, reader: try SQLiteReader(path: store.path), queue: store.queue,
      policy: policy,
      metrics: store.metrics, logger: store.logger)
  }

  private let scheduler: Scheduler

  deinit {
    task?.cancel()
    // A task that does not end would keep all that it uses.
    try? store.run(until: { hasEnded.current != nil }, within: .seconds(10))
  }

  private let hasEnded = OneShot<Void>()

  @discardableResult
  func start() -> (task: Task<Void, Never>, hasEnded: OneShot<Void>) {
    let task = store.loop.start { [scheduler, hasEnded] in
      await scheduler.run()
      hasEnded.set(())
    }
    self.task = task
    return (task, hasEnded)
  }

  /// Runs until exactly these calls are in flight.
  func run(untilHeld lines: [String], within limit: Duration = .seconds(120)) throws {
    try store.run(until: { client.held.sorted() == lines.sorted() }, within: limit)
  }

  /// Loses an order whose search is due.
  func lose(_ id: String) throws {
    try store.lose(id, sentAt: store.now, conclusiveAt: store.now.advanced(byMilliseconds: 60_000))
  }

  func page(listing job: String) -> String {
    let url = token.webhookURL(publicURL: "https://h.example", jobID: job) ?? ""
    return #"{"results":[{"id":"p-\#(job)","status":"starting","webhook":"\#(url)"}],"next":null}"#
  }

  /// A job due for a poll, by itself long after its last update.
  func openJob(_ prediction: String, dueAt due: Timestamp = Timestamp(milliseconds: 1)) throws {
    try store.deliver(prediction, "processing", .running, at: Timestamp(milliseconds: 0))
    try store.setChecksDue(to: due.milliseconds, ofPrediction: prediction)
  }

  func endJob(_ prediction: String, daysAgo days: Int64) throws {
    try store.deliver(
      prediction, "succeeded", .succeeded, at: store.now.advanced(byMilliseconds: -days * 86_400_000))
  }
}
