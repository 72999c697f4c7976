import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing
import Time

@Suite(.everyStore) struct OrderTests {
  @Test func anOrderIsAJobBeforeTheProviderKnowsOfIt() async throws {
    let store = try OrderedStore()
    guard case .created(let job, let written) = try store.place("j1", timeout: 5000, retries: 2) else {
      Issue.record("not created")
      return
    }
    #expect(job.id == "j1" && job.state == .pending && job.model == "owner/model" && job.revision == 1)
    let stored = try #require(try await store.reader.job("j1"))
    #expect(stored.number == written.number && stored.job == job && stored.body.isEmpty)
    let order = try await store.order("j1")
    // The result of the commit is what a reader finds.
    #expect(String(reflecting: written) == String(reflecting: order))
    #expect(order.stage == .queued && order.dueAt == store.now && order.tries == 0 && order.sentAt == nil)
    #expect(order.retriesLeft == 2 && !order.isCancelRequested && order.request == Array("{}".utf8))
    #expect(try await store.reader.jobs(matching: JobFilter(), before: nil, limit: 5).jobs == [job])
  }

  /// A job's id is fixed before it has a prediction.
  ///
  /// The id of that may later be the same.
  @Test func aJobsOwnIDTakesPrecedenceOverAPredictions() async throws {
    let store = try OrderedStore()
    try store.place("one")
    try store.deliver("a", of: "one", .running)
    try store.deliver("b", of: "other", .running)
    #expect(try await store.reader.job("one")?.job.origin?.id == "one")
    #expect(try await store.reader.job("other")?.job.snapshot?.predictionID == "other")
    #expect(try await store.reader.job("none")?.number == nil)
  }

  /// An id and a key each belong to one request.
  @Test(
    arguments: [
      ("j1", nil, "{}", .known), ("j1", nil, "{1}", .conflict), ("j2", nil, "{}", .created),
      // The key takes precedence over the id.
      ("j2", "k1", "{}", .known), ("j2", "k1", "{1}", .conflict), ("j1", "k1", "{}", .known),
      ("j1", "k2", "{}", .known), ("j2", "k2", "{}", .created),
      // A job is found by its prediction too.
      ("p1", nil, "{}", .conflict),
    ] as [(String, String?, String, Kind)])
  func theSameRequestIsKnownAndAnotherIsAConflict(
    _ id: String, _ key: String?, _ request: String, _ expected: Kind
  ) async throws {
    let store = try OrderedStore()
    try store.place("j1", key: "k1")
    try store.deliver("a", of: "p1", .running)
    try store.reopen()
    let kind: Kind
    switch try store.place(id, key: key, request: request) {
    case .created(let created, _):
      kind = .created
      #expect(created.id == id)
    case .known(let job):
      kind = .known
      #expect(job.id == "j1")
    case .conflict: kind = .conflict
    case .queueFull: throw StorageError.rejected("full")
    }
    #expect(kind == expected)
    #expect(try await store.jobCount() == (expected == .created ? 3 : 2))
  }

  enum Kind { case created, known, conflict }

  @Test func stepsAreClaimedInOrderUpToTheLimitAndNeverTwice() throws {
    let store = try OrderedStore()
    for number in 1...5 {
      try store.place("j\(number)")
      store.advance(1)
    }
    #expect(try store.steps(creates: 0, others: 0).isEmpty)
    // Some stores treat a negative limit as none.
    #expect(try store.steps(creates: -1, others: -1).isEmpty)
    #expect(try store.steps(creates: 2).map(\.job.id) == ["j1", "j2"])
    #expect(try store.steps(creates: 2).map(\.job.id) == ["j3", "j4"])
    #expect(try store.steps().map(\.job.id) == ["j5"])
    #expect(try store.steps().isEmpty)
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty)
  }

  /// A due time set by a wrong clock is clamped.
  ///
  /// It is at most a minute ahead once the clock is right.
  @Test func aClockThatIsSetBackDelaysNoOrderForLong() throws {
    let store = try OrderedStore()
    store.advance(3_600_000)
    try store.place("j1")
    store.advance(-3_600_000)
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in
      try transaction.clampDueTimes(from: now, within: 60_000)
    }
    #expect(try store.steps().isEmpty)
    store.advance(60_000)
    #expect(try store.steps().map(\.job.id) == ["j1"])
  }

  /// A call made while the clock was a year ahead.
  ///
  /// It would otherwise count as lost only after that year.
  @Test func aClockThatWasAheadDelaysNoSearchForLong() async throws {
    let store = try OrderedStore()
    let year: Int64 = 365 * 86_400_000
    store.advance(year)
    try store.noteUnanswered(try store.send("j1"))
    store.advance(-year)
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in
      try transaction.clampDueTimes(from: now, within: 60_000, absenceGracePeriod: 60_000)
    }
    let order = try await store.order("j1")
    #expect(order.dueAt == now.advanced(byMilliseconds: 60_000) && order.absenceConclusiveAt == order.dueAt)
  }

  /// The same request and id are known, whatever the queue holds.
  @Test func aFullQueueRejectsOrders() async throws {
    let store = try OrderedStore()
    func place(_ id: String) throws -> Bool? {
      let order = OrderedStore.order(id, at: store.now)
      switch try store.commit({ (transaction) throws(StorageError) in
        try transaction.enqueue(order, maxQueued: 3)
      }) {
      case .created: return true
      case .queueFull: return false
      case .known, .conflict: return nil
      }
    }
    try store.place("j0")
    for number in 1...2 { #expect(try place("j\(number)") == true) }
    #expect(try place("j3") == false && place("j2") == nil)
    #expect(try await store.reader.job("j3") == nil)
    // Each way to leave the queue makes room for one: being sent, being canceled.
    let sent = try #require(try store.steps(creates: 1).first)
    #expect(try place("j3") == true && place("j4") == false)
    _ = try store.cancel("j2")
    #expect(try place("j4") == true && place("j5") == false)
    // A rescheduled order takes room again.
    try store.reschedule(sent)
    _ = try store.steps(creates: 1)
    #expect(try place("j5") == false)
    _ = try store.cancel("j3")
    #expect(try place("j5") == true && place("j6") == false)
    try store.reopen()
    #expect(try place("j6") == false)
    // A failed transaction leaves nothing behind.
    _ = try store.cancel("j4")
    #expect(throws: StorageError.self) {
      try store.commit { (transaction) throws(StorageError) in
        _ = try transaction.enqueue(OrderedStore.order("j6", at: store.now), maxQueued: 3)
        throw .full("no space")
      }
    }
    #expect(try place("j7") == true && place("j8") == false)
  }

  @Test func aStepThatIsNotDueIsNotClaimed() throws {
    let store = try OrderedStore()
    try store.place("j1")
    store.advance(-1)
    #expect(try store.steps().isEmpty)
    store.advance(1)
    #expect(try store.steps().count == 1)
  }

  @Test func aCallIsRecordedBeforeItIsMade() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1", timeout: 20_000)
    guard case .create = step.action else {
      Issue.record("\(step.action)")
      return
    }
    #expect(step.order.stage == .sending && step.order.tries == 1 && step.order.sentAt == store.now)
    let order = try await store.order("j1")
    #expect(order.stage == .sending && order.dueAt == nil && order.tries == 1 && order.sentAt == store.now)
    // The job's own timeout counts from now on; two polls fit into it.
    #expect(step.job.pollState.dueAt == store.now.advanced(byMilliseconds: 10_000))
    #expect(try await store.job("j1") == step.job)
  }

  /// After a crash during a call, the prediction may exist or not.
  @Test func aCallInFlightIsUnansweredAfterACrash() async throws {
    let store = try OrderedStore()
    let sent = try store.send("j1")
    try store.place("j2")
    try store.reopen()
    // Where other processes share the store, it may be theirs until its lease ends.
    store.advance(store.ledger.store.isShared ? 35_000 : 500)
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.recoverOrders(at: now, absenceGracePeriod: 60_000)
    }
    #expect(try await store.order("j1").stage == .unanswered)
    #expect(try await store.order("j1").dueAt == now)
    #expect(try await store.order("j2").stage == .queued)
    let found = try #require(try store.steps(creates: 0).first)
    guard case .find = found.action else {
      Issue.record("\(found.action)")
      return
    }
    #expect(found.job.id == "j1" && found.order.sentAt == sent.order.sentAt && found.order.tries == 1)
    #expect(try store.steps(creates: 0).isEmpty)
    // After another crash the search is due again: at once, unless another process may have claimed it.
    try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.recoverOrders(at: now, absenceGracePeriod: 60_000)
    }
    if store.ledger.store.isShared {
      #expect(try store.steps(creates: 0).isEmpty)
      store.advance(35_000)
    }
    #expect(try store.steps(creates: 0).count == 1)
  }

  @Test func aRescheduledCallIsRepeated() throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.reschedule(step, by: 1000)
    #expect(try store.steps().isEmpty)
    store.advance(1000)
    let again = try store.step()
    #expect(again.order.tries == 2 && again.order.sentAt == store.now)
  }

  @Test func aKnownPredictionIsNotCreatedAgain() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.report(step.order.number, .pending)
    try store.reschedule(step)
    try store.noteUnanswered(step)
    #expect(try await store.order("j1").stage == .submitted)
    #expect(try await store.order("j1").dueAt == nil)
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty)
  }

  /// Two searches for one call may overlap.
  ///
  /// A search may outlast its lease.
  ///
  /// A result counts only for the call that was searched for, or a third call would be made beside the
  /// second.
  @Test func aSearchThatComesLateDoesNotUndoAnotherCall() async throws {
    let store = try OrderedStore()
    try store.noteUnanswered(try store.send("j1"))
    store.advance(5000)
    let first = try store.step()
    store.advance(35_000)
    let second = try store.step()
    store.advance(35_000)
    try store.reschedule(first, by: 0)
    let call = try store.step()
    #expect(call.order.tries == 2)
    try store.reschedule(second, by: 0)
    #expect(try await store.order("j1").stage == .sending)
    #expect(try store.steps().isEmpty)
    // Nor does the second search count for the second call, which had no answer either.
    try store.noteUnanswered(call)
    try store.reschedule(second, by: 0)
    #expect(try await store.order("j1").stage == .unanswered)
  }

  @Test func aRefusedOrderHasEnded() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    let job = try #require(try store.end(step))
    #expect(job.state == .failed && job.error?.code == "invalid_input")
    #expect(try await store.job("j1") == job)
    #expect(try await store.order("j1").stage == .ended)
    #expect(try await store.order("j1").dueAt == nil)
    #expect(try store.end(step) == nil)
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty)
    // A late answer belongs to no job.
    #expect(try store.report(step.order.number, .pending) == nil)
    try store.reschedule(step)
    #expect(try await store.order("j1").stage == .ended)
  }

  /// Another prediction's end, or one of none, ends no job.
  @Test func anEndAppliesOnlyToItsOwnPrediction() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1", retries: 1)
    try store.deliver("a", of: "p1", .running, naming: "j1")
    #expect(try store.end(step, of: nil, code: "answer_lost") == nil)
    try store.deliver("b", of: "p1", .failed, naming: "j1", error: interruption)
    #expect(try store.end(step, of: "p1", code: "gone") == nil)
    store.advance(2000)
    try store.report(try store.step().order.number, of: "p2", .running)
    #expect(try store.end(step, of: "p1", code: "gone") == nil)
    #expect(try await store.job("j1").state == .running)
    #expect(try store.end(step, of: "p2", code: "gone")?.error?.code == "gone")
  }
}
