import EventLoop
import Jobs
import Store
import Testing

@testable import Receiver

/// Who is given what to do, with a real store and callers that are played by the test.
@Suite struct DispatcherTests {
  /// A search walks the whole list for all that are missing: what goes missing meanwhile waits for the next one.
  @Test func oneSearchAtATime() throws {
    let dispatch = try Dispatch(callers: 3)
    try dispatch.lose("a", thenPlace: nil)
    try dispatch.start()
    #expect(dispatch.calls(to: 2) == ["find a"])
    // Another goes missing while the first is looked for; the order after it shows that both were seen.
    try dispatch.lose("b", thenPlace: "c")
    dispatch.events.wake()
    #expect(dispatch.calls(to: 1) == ["create c"])
    dispatch.events.tell(.done(caller: 2, pause: nil))
    #expect(dispatch.calls(to: 2) == ["find b"])
  }

  /// A token that is refused is refused to all who call: one is enough to find that out, again and again.
  @Test func afterARefusedTokenOneCallIsMadeAtATime() throws {
    let dispatch = try Dispatch(callers: 2)
    for id in ["a", "b", "c", "d"] { try dispatch.place(id) }
    try dispatch.start()
    #expect(dispatch.calls(to: 1) == ["create a"] && dispatch.calls(to: 0) == ["create b"])
    let refused = ProviderPause(seconds: 0, isForCreates: false, reason: .unauthorized)
    dispatch.events.tell(.done(caller: 1, pause: refused))
    dispatch.events.tell(.done(caller: 0, pause: refused))
    #expect(dispatch.calls(to: 0) == ["create c"])
    // There is an idle caller, and budget soon enough.
    #expect(dispatch.calls(to: 1, within: .seconds(1)) == [])
    #expect(dispatch.events.pace.state?.reason == .unauthorized)
    dispatch.events.tell(.done(caller: 0, pause: nil))
    #expect(dispatch.calls(to: 0) == ["create d"])
  }

  /// What the store refuses of one part of the work does not keep the rest from being done.
  @Test func aJobThatCannotBeReadKeepsNoOrderFromBeingSent() throws {
    let dispatch = try Dispatch(callers: 1)
    try dispatch.place("a")
    try dispatch.breakAJob()
    try dispatch.start()
    #expect(dispatch.calls(to: 0) == ["create a"])
  }
}

private final class Dispatch {
  let events: DispatcherInbox
  private let callers: [BlockingQueue<ProviderCall>]
  private let store: CommittingStore
  private var deciding: Thread?

  init(callers count: Int) throws {
    store = try CommittingStore()
    events = DispatcherInbox(callers: count)
    callers = (0..<count).map { _ in BlockingQueue(capacity: 4) }
  }

  deinit {
    events.close()
    deciding?.join()
  }

  func start() throws {
    let reader = try StoreReader(path: store.path)
    let rules = DispatcherRules(
      createsPerMinute: 600, retentionMilliseconds: 86_400_000, fetchesSecret: false)
    deciding = try Thread(named: "dispatcher") {
      [events, callers, queue = store.queue, metrics = store.metrics, logger = store.logger] in
      Dispatcher(
        events: events, queue: queue, reader: reader, callers: callers, rules: rules, metrics: metrics,
        logger: logger
      ).run()
    }
  }

  /// What a caller is given next; nothing within half a minute is an empty list.
  func calls(to caller: Int, within patience: Duration = .seconds(30)) -> [String] {
    (callers[caller].popAll(patience: patience) ?? []).map { call in
      switch call {
      case .create(let step): "create \(step.job.id)"
      case .find(let steps): "find \(steps.map(\.job.id).joined(separator: " "))"
      case .cancel, .ask, .fetchSecret: "\(call)"
      }
    }
  }

  func place(_ id: String) throws {
    let order = try CommittingStore.order(id, at: Timestamp(milliseconds: WallClock.milliseconds))
    let result = store.queue.write { transaction throws(StoreError) in _ = try transaction.place(order) }
    try result.get()
  }

  /// A job that is due for a look, and in a phase that this program never writes.
  func breakAJob() throws {
    try store.execute(
      """
      INSERT INTO jobs (prediction_id, phase, is_verdict, updated_at, heard_at, due_at, polls, ended_unheard, attempt,
        revision, logs_size, output_size, body)
      VALUES ('broken', 'nowhere', 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, x'')
      """)
  }

  /// An order whose call had no answer and that is to be looked for now, and one that waits for its turn, in one commit.
  func lose(_ lost: String, thenPlace next: String?) throws {
    let now = Timestamp(milliseconds: WallClock.milliseconds)
    let first = try CommittingStore.order(lost, at: now)
    let second = try next.map { try CommittingStore.order($0, at: now) }
    let result = store.queue.write { transaction throws(StoreError) in
      _ = try transaction.place(first)
      for step in try transaction.takeOrderSteps(at: now, creates: 1, cancels: 0, finds: 0, patience: 1000) {
        try transaction.noteUnanswered(
          step.order, nextLook: now, certain: now.advanced(byMilliseconds: 60_000))
      }
      if let second { _ = try transaction.place(second) }
    }
    try result.get()
  }
}
