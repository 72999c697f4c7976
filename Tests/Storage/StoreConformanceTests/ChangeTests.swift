import Jobs
import Ledger
import StoreSeam
import StoreFixture
import Testing
import Time

/// Every difference that a job's document shows takes a new number, and nothing else does.
@Suite(.everyStore) struct ChangeTests {
  /// A command, by what it does to a job that others have prepared.
  enum Command: CaseIterable {
    case delivery, redelivery, lateDelivery, unknownStatus, poll, pollOfProgress, answer, end, staleness
    case cancelOfQueued, cancelOfRunning, cancelOfForeign, cancelInFlight, cancelCall, canceledCall
    case claim, requeue, refusal, unanswered, search, interruption, merge, check, notFound, spread

    /// Whether the document differs afterwards.
    var isShown: Bool {
      switch self {
      case .redelivery, .lateDelivery, .poll, .check, .notFound, .spread: false
      default: true
      }
    }
  }

  /// Does what must come before the command.
  private func prepare(_ command: Command, _ store: OrderedStore) throws -> OrderStep? {
    switch command {
    case .delivery, .redelivery, .lateDelivery, .unknownStatus, .end, .cancelOfForeign, .poll,
      .pollOfProgress,
      .staleness, .check, .notFound, .spread:
      try store.deliver("a", .running, logs: 5)
      return nil
    case .cancelOfQueued, .claim:
      try store.place("j1")
      return nil
    case .answer, .cancelInFlight, .requeue, .refusal, .unanswered, .merge:
      let step = try store.send("j1", retries: 1)
      if command == .merge { try store.deliver("a", .running) }
      return step
    case .cancelOfRunning, .interruption, .cancelCall, .canceledCall:
      let step = try store.send("j1", retries: 1)
      try store.report(step.order.number, .running)
      if command == .cancelCall || command == .canceledCall { _ = try store.cancel("j1") }
      if command == .canceledCall { _ = try store.step() }
      return step
    case .search:
      try store.noteUnanswered(try store.send("j1"), nextSearchIn: 0)
      return nil
    }
  }

  private func run(_ command: Command, _ store: OrderedStore, _ number: Int64, _ step: OrderStep?) throws {
    let now = store.now
    switch command {
    case .delivery: try store.deliver("b", .running, logs: 6)
    case .redelivery: try store.deliver("a", .running, logs: 5)
    case .lateDelivery: try store.deliver("b", .pending)
    case .unknownStatus:
      _ = try store.ledger.commit([
        Sample.delivery("b", "hibernating", nil, logs: 9, at: now.milliseconds)
      ])
    case .poll: try store.report(.poll, number, .running, logs: 5)
    case .pollOfProgress: try store.report(.poll, number, .running, logs: 6)
    case .answer: try store.report(number, .pending)
    case .end: try store.deliver("b", .succeeded)
    case .staleness:
      store.advance(OrderedStore.aWhile)
      #expect(try store.claimPolls().stale.count == 1)
    case .check:
      store.advance(30_000)
      #expect(try store.claimPolls().polls.count == 1)
    case .spread: try store.commit { $0.spreadChecks(from: now, within: 1000) }
    case .notFound:
      try store.commit { (transaction) throws(StorageError) in
        _ = try transaction.noteNotFound(
          number, of: "p1", from: .poll, because: JobError(code: "gone", message: nil), at: now)
      }
    case .cancelOfQueued, .cancelOfRunning, .cancelOfForeign, .cancelInFlight:
      _ = try store.cancel(command == .cancelOfForeign ? "p1" : "j1")
    case .cancelCall, .claim, .search: _ = try store.step()
    case .canceledCall:
      // It shows no more when the call is repeated.
      try store.commit { (transaction) throws(StorageError) in try transaction.noteCanceled(number) }
    case .requeue: try store.reschedule(try #require(step))
    case .refusal:
      let order = try #require(step).order
      try store.commit { (transaction) throws(StorageError) in
        try transaction.reschedule(
          order, until: now, at: now, because: .refused, refusal: JobError(code: "no", message: nil))
      }
    case .unanswered: try store.noteUnanswered(try #require(step))
    case .interruption: try store.deliver("b", .failed, error: interruption)
    case .merge: try store.report(number, .pending)
    }
  }

  @Test(arguments: Command.allCases)
  func `a number is taken where the document differs`(_ command: Command) async throws {
    let store = try OrderedStore()
    let step = try prepare(command, store)
    let id = try #require(try await store.ids().last)
    let before = try await store.record(id)
    let last = try await store.reader.feedPosition().lastChange
    store.advance(1)
    try run(command, store, before.number, step)
    let after = try await store.record(id)
    let isShown = ShownJob(before) != ShownJob(after)
    #expect(isShown == command.isShown)
    #expect((after.change > last) == isShown)
    if !isShown { #expect(after.change == before.change) }
    // A merge deletes the orphan, too.
    let listed = try await store.reader.changes(after: last, limit: 9).filter { $0.job != nil }
    #expect(listed.map(\.change) == (isShown ? [after.change] : []))
    #expect(try await store.reader.feedPosition().lastChange >= max(last, after.change))
  }

  /// The commit reports what it has numbered.
  @Test func `a commit returns its changes in order`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", of: "p1", .succeeded)
    let last = try await store.change("p1")
    var commands: [any LedgerCommand] = [
      LedgerWork { (transaction) throws(StorageError) in
        try transaction.deleteJob("p1", tombstoneUntil: .distantFuture)
      }
    ]
    for (id, prediction) in [("c", "p3"), ("b", "p2"), ("b", "p2")] {
      commands.append(
        LedgerWork { (transaction) throws(StorageError) in
          try transaction.record(Sample.delivery(id, of: prediction, "starting", .pending))
        })
    }
    let commit = try store.ledger.commit(commands[...])
    #expect(commit.count == 4)
    #expect(commit.changes.map(\.id) == ["p1", "p3", "p2"])
    #expect(commit.changes.map(\.isDeleted) == [true, false, false])
    let listed = try await store.reader.changes(after: last, limit: 9)
    #expect(listed.map(\.id) == ["p1", "p3", "p2"])
    #expect(commit.changes.map(\.change) == listed.map(\.change))
  }

  /// Neither a restart nor the deletion of the newest job makes a number come again.
  @Test func `numbers go on after a restart and after deletions`() async throws {
    let store = try OrderedStore()
    for number in 1...3 { try store.deliver("w\(number)", of: "p\(number)", .succeeded) }
    try store.delete("p3")
    var last = try #require(try await store.reader.changes(after: 0, limit: 9).last).change
    for round in 0..<3 {
      store.advance(2 * OrderedStore.aWhile)
      // The tombstones have expired, and the newest is kept.
      let now = store.now
      try store.commit { (transaction) throws(StorageError) in
        _ = try transaction.prune(endedBefore: Timestamp(milliseconds: 0), at: now, after: 0, count: 9)
      }
      try store.reopen()
      #expect(try await store.reader.feedPosition().lastChange >= last)
      #expect(try await store.reader.changes(after: last, limit: 9).isEmpty)
      try store.deliver("x\(round)", of: "x\(round)", .succeeded)
      let change = try await store.change("x\(round)")
      #expect(change > last)
      try store.delete("x\(round)")
      let tombstone = try #require(try await store.reader.changes(after: change, limit: 9).first)
      #expect(tombstone.id == "x\(round)" && tombstone.job == nil)
      last = tombstone.change
    }
  }

  /// A failed transaction takes no numbers that a reader could have seen.
  @Test func `numbers go on after a transaction that failed`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    #expect(throws: StorageError.self) {
      try store.commit { (transaction) throws(StorageError) in
        _ = try transaction.record(Sample.delivery("b", of: "p2", "starting", .pending))
        throw .rejected("no")
      }
    }
    try store.deliver("c", of: "p3", .running)
    #expect(try await store.change("p3") > store.change("p1"))
    #expect(try await store.number("p3") > store.number("p1"))
    #expect(try await store.reader.changes(after: 0, limit: 9).map(\.id) == ["p1", "p3"])
  }

  /// The job, its order and its attempts are read from one snapshot.
  @Test func `a job and its order are of one moment`() async throws {
    let store = try OrderedStore()
    try store.place("j1", retries: 1000)
    let writing = Task.detached { [box = Unchecked(store)] in
      let store = box.value
      for attempt in 1...100 {
        let now = store.now
        try store.commit { (transaction) throws(StorageError) in
          let steps = try transaction.claimOrderSteps(
            at: now, creates: 1, cancels: 0, finds: 0, lease: 35_000)
          guard let step = steps.first else { throw .rejected("nothing is due") }
          let polled = Sample.polled(.answer, of: "p\(attempt)", .failed, at: now, error: interruption)
          _ = try transaction.record(polled, ofJob: step.order.number)
        }
        store.advance(2000)
      }
    }
    let reader = try store.backend.openReader()
    var seen: Set<Int64> = []
    while seen.max() != 101 {
      let record = try #require(try await reader.job("j1"))
      seen.insert(record.job.attempt)
      #expect(record.attempts.count == Int(record.job.attempt) - 1)
      #expect(record.order?.retriesLeft == 1001 - record.job.attempt)
      if record.job.attempt < 101 { await Task.yield() }
    }
    try await writing.value
  }
}

/// A value that one task hands over to another.
private struct Unchecked<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}
