import Jobs
import Ledger
import StoreSeam
import StoreFixture
import Testing

/// Cancel requests at every stage of an order.
@Suite(.everyStore) struct CancelTests {
  private func requested(_ result: CancelResult) -> Bool {
    if case .requested = result { true } else { false }
  }

  private func ended(_ result: CancelResult) -> Job? {
    if case .ended(let job) = result { job } else { nil }
  }

  private func expectCancel(_ step: OrderStep, of prediction: String) {
    guard case .cancel(prediction) = step.action else {
      Issue.record("\(step.action)")
      return
    }
  }

  @Test func cancelingAnUnknownJobFindsNothing() throws {
    let store = try OrderedStore()
    guard case .noSuchJob = try store.cancel("j1") else {
      Issue.record("there is one")
      return
    }
  }

  @Test func aJobThatWasNotSentEndsAtOnce() async throws {
    let store = try OrderedStore()
    try store.place("j1")
    let job = try #require(ended(try store.cancel("j1")))
    #expect(job.state == .canceled && job.error?.code == "canceled")
    #expect(try await store.order("j1").stage == .ended)
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty)
    #expect(ended(try store.cancel("j1")) == job)
  }

  /// The prediction to cancel is known once the create call is answered.
  @Test func aJobInFlightIsCanceledOnceItsCallIsAnswered() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    #expect(requested(try store.cancel("j1")))
    #expect(try store.steps().isEmpty)
    try store.report(step.order.number, .pending)
    expectCancel(try store.step(), of: "p1")
    // A cancel call without a result is repeated.
    #expect(try store.steps().isEmpty)
    store.advance(35_000)
    expectCancel(try store.step(), of: "p1")
    try store.commit { (transaction) throws(StorageError) in try transaction.noteCanceled(step.order.number) }
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty)
    try store.deliver("a", .canceled)
    #expect(try await store.job("j1").state == .canceled)
  }

  /// A call without effect leaves nothing to cancel, and is not repeated.
  @Test(arguments: [false, true])
  func aCanceledJobWhoseCallHadNoEffectIsNotSentAgain(_ isSearchedFor: Bool) async throws {
    let store = try OrderedStore()
    var step = try store.send("j1")
    if isSearchedFor {
      try store.noteUnanswered(step)
      store.advance(5000)
      step = try store.step()
    }
    #expect(requested(try store.cancel("j1")))
    try store.reschedule(step)
    #expect(try await store.job("j1").state == .canceled)
    #expect(try await store.job("j1").error?.code == "canceled")
    #expect(try await store.order("j1").stage == .ended)
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty)
  }

  @Test func anUnansweredJobIsSearchedForAtOnceAndThenCanceled() throws {
    let store = try OrderedStore()
    try store.noteUnanswered(try store.send("j1"), nextSearchIn: 5000)
    #expect(requested(try store.cancel("j1")))
    let step = try store.step()
    guard case .find = step.action else {
      Issue.record("\(step.action)")
      return
    }
    try store.deliver("a", .running, naming: "j1")
    expectCancel(try store.step(), of: "p1")
  }

  @Test(arguments: [true, false])
  func aRunningJobIsCanceledWhateverCreatedIt(_ isOrdered: Bool) async throws {
    let store = try OrderedStore()
    if isOrdered {
      try store.report(try store.send("j1").order.number, .running)
    } else {
      try store.deliver("a", .running)
    }
    let name = isOrdered ? "j1" : "p1"
    #expect(requested(try store.cancel(name)))
    expectCancel(try store.step(), of: "p1")
    // A repeated request makes the cancel call due again.
    #expect(requested(try store.cancel("p1")))
    expectCancel(try store.step(), of: "p1")
    #expect(try store.steps().isEmpty)
    // The provider's end counts, whatever it is.
    try store.deliver("b", .succeeded)
    #expect(try await store.job(name).state == .succeeded)
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty)
    #expect(ended(try store.cancel(name))?.state == .succeeded)
    if isOrdered { #expect(try await store.order(name).stage == .ended) }
  }

  @Test func aCancelCallDoesNotChangeAnOrderThatIsNotSubmitted() async throws {
    let store = try OrderedStore()
    try store.place("j1")
    let number = try await store.number("j1")
    try store.commit { (transaction) throws(StorageError) in try transaction.noteCanceled(number) }
    #expect(try await store.order("j1").stage == .queued)
    #expect(try store.steps().count == 1)
  }

  /// Every order of webhook, answer and cancel request yields the provider's end.
  @Test func inEveryOrderTheProvidersEndCounts() async throws {
    enum Event: CaseIterable { case answer, running, end, poll, cancel }
    for order in permutations(of: Event.allCases) {
      let store = try OrderedStore()
      let number = try store.send("j1").order.number
      for event in order {
        switch event {
        case .answer: try store.report(number, .pending)
        case .running: try store.deliver("a", .running, naming: "j1")
        case .end: try store.deliver("b", .succeeded, naming: "j1")
        case .poll: try store.report(.poll, number, .running, logs: 3)
        case .cancel: _ = try store.cancel("j1")
        }
        for step in try store.steps() {
          if case .cancel = step.action {
            try store.commit { (transaction) throws(StorageError) in try transaction.noteCanceled(number) }
          }
        }
      }
      let job = try await store.job("j1")
      #expect(job.state == .succeeded && job.snapshot?.predictionID == "p1", "\(order)")
      #expect(try await store.jobCount() == 1)
      store.advance(OrderedStore.aWhile)
      #expect(try store.steps().isEmpty, "\(order)")
      let due = try await store.reader.nextDue()
      #expect(due.check == nil && due.create == nil && due.otherStep == nil, "\(order)")
    }
  }
}
