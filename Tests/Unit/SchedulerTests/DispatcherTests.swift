import EventLoop
import Glibc
@testable import GroupCommit
import Jobs
import Logging
@testable import Observability
import Samples
@testable import Scheduler
import Store
import Synchronization
@testable import System
import Testing
@testable import Time

/// The assignment of calls, with a real store and simulated callers.
@Suite struct DispatcherTests {
  /// A search walks the whole list for all lost orders. One lost meanwhile waits for the next search.
  @Test func `one search runs at a time`() throws {
    let dispatch = try Dispatch(callers: 3)
    try dispatch.lose("a", thenEnqueue: nil)
    try dispatch.start()
    #expect(dispatch.calls(to: 2) == ["search a"])
    // Another is lost during the search; the call for "c" shows that both were seen.
    try dispatch.lose("b", thenEnqueue: "c")
    dispatch.mailbox.wake()
    #expect(dispatch.calls(to: 1) == ["create c"])
    dispatch.mailbox.send(.done(caller: 2, pause: nil))
    #expect(dispatch.calls(to: 2) == ["search b"])
  }

  /// A rejected token holds for every caller, so one probes it.
  @Test func `after a rejected token one call is made at a time`() throws {
    let dispatch = try Dispatch(callers: 2)
    for id in ["a", "b", "c", "d"] { try dispatch.enqueue(id) }
    try dispatch.start()
    #expect(dispatch.calls(to: 1) == ["create a"] && dispatch.calls(to: 0) == ["create b"])
    let rejected = ProviderPause(seconds: 0, affectsOnlyCreates: false, reason: .unauthorized)
    dispatch.mailbox.send(.done(caller: 1, pause: rejected))
    dispatch.mailbox.send(.done(caller: 0, pause: rejected))
    #expect(dispatch.calls(to: 0) == ["create c"])
    // There is an idle caller, and the rate allows a call soon enough.
    #expect(dispatch.calls(to: 1, within: .seconds(1)) == [])
    #expect(dispatch.mailbox.pace.state?.reason == .unauthorized)
    dispatch.mailbox.send(.done(caller: 0, pause: nil))
    #expect(dispatch.calls(to: 0) == ["create d"])
  }

  /// An unreadable row fails the transaction that claims due rows.
  ///
  /// It is skipped, and the others are done.
  @Test func `an unreadable row blocks no other work`() throws {
    let dispatch = try Dispatch(callers: 1)
    try dispatch.breakAJob("broken")
    try dispatch.enqueue("a")
    try dispatch.openJob("p1")
    try dispatch.start()
    #expect(dispatch.calls(to: 0) == ["create a"])
    try dispatch.waitForLog("job became stale")
    #expect(dispatch.log.contains("row damaged or not writable"))
  }

  /// Pruned jobs are logged.
  @Test func `deletions are logged and so is a clock that makes everything old`() throws {
    let dispatch = try Dispatch(callers: 0)
    try dispatch.endJob("p1", daysAgo: 400)
    try dispatch.start(firstPrune: .zero)
    try dispatch.waitForLog("deleted jobs past RETENTION")
    #expect(dispatch.log.contains("every job is older than RETENTION"))
    #expect(dispatch.prunedJobs == 1)
  }

  @Test func `nothing is deleted right after a start`() throws {
    let dispatch = try Dispatch(callers: 1)
    try dispatch.endJob("p1", daysAgo: 400)
    try dispatch.enqueue("a")
    try dispatch.start()
    #expect(dispatch.calls(to: 0) == ["create a"])
    // Pruning would have come before the next order.
    try dispatch.enqueue("b")
    dispatch.mailbox.send(.done(caller: 0, pause: nil))
    #expect(dispatch.calls(to: 0) == ["create b"])
    #expect(dispatch.prunedJobs == 0)
  }
}

private final class Dispatch {
  let mailbox: Mailbox
  private let callers: [BlockingQueue<ProviderCall>]
  private let store: CommittingStore
  private var deciding: Thread?

  init(callers count: Int) throws {
    store = try CommittingStore()
    mailbox = Mailbox(maxCallers: count)
    callers = (0..<count).map { _ in BlockingQueue(capacity: 4) }
  }

  deinit {
    mailbox.close()
    deciding?.join()
  }

  var prunedJobs: Int { store.metrics.prunedJobs.value }
  var log: String { lines.text.storage.withLock { $0 } }
  private let lines = Lines()

  func waitForLog(_ text: String) throws {
    for _ in 0..<3000 where !log.contains(text) { poll(nil, 0, 10) }
    #expect(log.contains(text))
  }

  func start(firstPrune: Duration = .seconds(3600)) throws {
    let reader = try StoreReader(path: store.path)
    var policy = DispatcherPolicy(
      createsPerMinute: 600, retentionMilliseconds: 86_400_000, fetchesSecret: false)
    policy.firstPrunePause = firstPrune
    deciding = try Thread(named: "dispatcher") {
      [mailbox, callers, policy, queue = store.queue, metrics = store.metrics, lines] in
      let logger = Logger(label: "test") { _ in lines }
      Dispatcher(
        mailbox: mailbox, queue: queue, reader: reader, callers: callers, policy: policy, metrics: metrics,
        logger: logger
      ).run()
    }
  }

  /// The next calls of a caller. Empty if there are none within half a minute.
  func calls(to caller: Int, within timeout: Duration = .seconds(30)) -> [String] {
    (callers[caller].popAll(timeout: timeout) ?? []).map { call in
      switch call {
      case .create(let step): "create \(step.job.id)"
      case .search(let steps): "search \(steps.map(\.job.id).joined(separator: " "))"
      case .cancel, .poll, .fetchSecret: "\(call)"
      }
    }
  }

  func enqueue(_ id: String) throws {
    let order = try CommittingStore.order(id, at: Timestamp(milliseconds: WallClock.milliseconds))
    let result = store.queue.write { transaction throws(StoreError) in _ = try transaction.enqueue(order) }
    try result.get()
  }

  /// A job with an unknown phase, due for poll and creation.
  func breakAJob(_ id: String) throws {
    try enqueue(id)
    try store.execute("UPDATE jobs SET phase = 'nowhere', due_at = 0 WHERE id = '\(id)'")
    try store.execute("UPDATE orders SET due_at = 0")
  }

  /// A job due for a poll, long after its last update.
  func openJob(_ prediction: String) throws {
    try record(prediction, "processing", .running, at: 0)
    try store.execute("UPDATE jobs SET due_at = 1 WHERE prediction_id = '\(prediction)'")
  }

  func endJob(_ prediction: String, daysAgo days: Int64) throws {
    try record(prediction, "succeeded", .succeeded, at: WallClock.milliseconds - days * 86_400_000)
  }

  private func record(_ prediction: String, _ status: String, _ phase: Phase, at now: Int64) throws {
    let delivery = Delivery(
      webhookID: prediction, receivedAt: Timestamp(milliseconds: now),
      snapshot: Snapshot(
        predictionID: prediction, providerStatus: status, phase: phase,
        evidence: Evidence(logsSize: 0, outputSize: 0, digest: .repeating(1))), body: [])
    let result = store.queue.write { transaction throws(StoreError) in _ = try transaction.record(delivery) }
    try result.get()
  }

  /// Commits a lost order, due for a search, with a queued one.
  func lose(_ lost: String, thenEnqueue next: String?) throws {
    let now = Timestamp(milliseconds: WallClock.milliseconds)
    let first = try CommittingStore.order(lost, at: now)
    let second = try next.map { try CommittingStore.order($0, at: now) }
    let result = store.queue.write { transaction throws(StoreError) in
      _ = try transaction.enqueue(first)
      for step in try transaction.claimOrderSteps(at: now, creates: 1, cancels: 0, finds: 0, lease: 1000) {
        try transaction.noteUnanswered(
          step.order, nextSearch: now, absenceConclusive: now.advanced(byMilliseconds: 60_000))
      }
      if let second { _ = try transaction.enqueue(second) }
    }
    try result.get()
  }
}

/// Records log messages.
private struct Lines: LogHandler {
  let text = Text()
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    text.storage.withLock { $0 += "\(event.message)\n" }
  }

  final class Text: Sendable {
    let storage = Mutex("")
  }
}
