import EventLoop
import Jobs
@testable import Observability
@testable import Scheduler
import Simulation
import StoreSeam
import SQLiteStore
import Testing
@testable import Time
import Work

/// What each service does in one run, at a time that the test sets.
@Suite struct ServiceTests {
  private let store: SimulatedStore

  init() throws {
    store = try SimulatedStore()
  }

  private var wall: Timestamp { store.now }

  /// Runs `service` at the time that the clock shows.
  private func run<Service, Value: Sendable>(
    _ service: Confined<Service>,
    _ body: @escaping @Sendable (Service, ClockReading) async throws -> Value
  ) throws -> Value {
    let clock = Confined(store.clock)
    let result = try store.run {
      do {
        return Result<Value, any Error>.success(try await body(service.value, clock.value.now))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}

// MARK: - OrderSubmitter

extension ServiceTests {
  private func submitter(_ limit: RateLimit) throws -> Confined<OrderSubmitter> {
    Confined(OrderSubmitter(store: try store.schedulerStore(), limit: limit, policy: .test))
  }

  private func submit(_ submitter: Confined<OrderSubmitter>) throws -> [String] {
    let due = try store.reader().nextDue()
    return try run(submitter) { submitter, now in
      try await submitter.runOnce(now: now, due: due).map { call in
        switch call {
        case .create(let step): "create \(step.job.id)"
        case .cancel(let step, let id): "cancel \(step.job.id) \(id)"
        case .search(let steps): "search \(steps.map(\.job.id).joined(separator: " "))"
        case .poll, .fetchSecret: "\(call)"
        }
      }
    }
  }

  @Test func `nothing due is nothing claimed`() throws {
    #expect(try submit(submitter(store.limit())) == [])
    try store.enqueue("later")
    try store.setDue(.create, to: wall.milliseconds + 1)
    #expect(try submit(submitter(store.limit())) == [])
    #expect(try store.stage("later") == .queued)
  }

  /// An order is claimed once, whatever its call ends in.
  @Test func `a claimed order is not claimed again`() throws {
    let submitter = try submitter(store.limit())
    try store.enqueue("a")
    #expect(try submit(submitter) == ["create a"])
    #expect(try store.stage("a") == .sending)
    #expect(try submit(submitter) == [])
  }

  @Test func `no more orders are claimed than may be called now`() throws {
    let limit = store.limit()
    let submitter = try submitter(limit)
    for number in 0..<20 { try store.enqueue("job-\(number)") }
    for _ in 0..<5 { _ = limit.noteStart(of: .search([]), at: store.kernel.monotonicTime) }
    #expect(try submit(submitter).count == 3)
    #expect(try (0..<20).count { try store.stage("job-\($0)") == .queued } == 17)
  }

  @Test func `a paused provider is sent no order`() throws {
    let limit = store.limit()
    limit.pause(
      ProviderPause(seconds: 10, affectsOnlyCreates: true, reason: .rateLimited),
      at: store.kernel.monotonicTime)
    try store.enqueue("a")
    #expect(try submit(submitter(limit)) == [])
    #expect(try store.stage("a") == .queued)
  }

  /// A long queue leaves half of the calls to searches and cancels.
  @Test func `lost orders are searched for together and leave calls to others`() throws {
    let submitter = try submitter(store.limit())
    for id in ["a", "b"] { try store.lose(id, sentAt: wall, conclusiveAt: wall) }
    for number in 0..<20 { try store.enqueue("job-\(number)") }
    let calls = try submit(submitter)
    #expect(calls.first == "search a b" && calls.count == 8)
  }

  @Test func `while one search runs no second one is claimed`() throws {
    let limit = store.limit()
    try store.lose("a", sentAt: wall, conclusiveAt: wall)
    let number = try #require(limit.noteStart(of: .search([]), at: store.kernel.monotonicTime))
    #expect(try submit(submitter(limit)) == [])
    limit.noteEnd(of: number, nil, at: store.kernel.monotonicTime)
    #expect(try submit(submitter(limit)) == ["search a"])
  }
}

// MARK: - Reconciler

extension ServiceTests {
  private func reconciler(_ policy: SchedulerPolicy = .test) throws -> Confined<Reconciler> {
    Confined(
      Reconciler(
        store: try store.schedulerStore(policy), limit: store.limit(policy), policy: policy,
        metrics: store.metrics, logger: store.logger, random: KernelRandomness(store.kernel)))
  }

  private func openJobs(_ count: Int, dueAt due: Int64) throws {
    let moment = wall.advanced(byMilliseconds: -40_000)
    for number in 0..<count { try store.deliver("p\(number)", "processing", .running, at: moment) }
    try store.setChecksDue(to: due)
  }

  private func reconcile(_ reconciler: Confined<Reconciler>) throws -> [String] {
    let due = try store.reader().nextDue().check
    return try run(reconciler) { reconciler, now in
      try await reconciler.runOnce(now: now, due: due, clockSetAt: nil)
      var polls: [String] = []
      while let poll = reconciler.nextPoll() { polls.append(poll.predictionID) }
      return polls
    }
  }

  @Test func `a due job is polled once and a later one not yet`() throws {
    let reconciler = try reconciler()
    try openJobs(2, dueAt: wall.milliseconds)
    try store.setChecksDue(to: wall.milliseconds + 1, ofPrediction: "p1")
    #expect(try reconcile(reconciler) == ["p0"])
    #expect(try reconcile(reconciler) == [])
  }

  @Test func `claimed polls are bounded and the rest waits`() throws {
    var policy = SchedulerPolicy.test
    (policy.maxClaimedJobs, policy.maxWaitingPolls) = (3, 4)
    let reconciler = try reconciler(policy)
    try openJobs(10, dueAt: wall.milliseconds)
    let due = try store.reader().nextDue().check
    let counts = try run(reconciler) { reconciler, now in
      for _ in 0..<4 { try await reconciler.runOnce(now: now, due: due, clockSetAt: nil) }
      var count = 0
      let hasRoom = reconciler.hasRoom
      while reconciler.nextPoll() != nil { count += 1 }
      return [hasRoom ? 1 : 0, count, reconciler.hasWaitingPolls ? 1 : 0]
    }
    #expect(counts == [0, 6, 0])
  }

  @Test func `a job without updates becomes stale and is counted`() throws {
    let reconciler = try reconciler()
    try store.deliver("p1", "processing", .running, at: Timestamp(milliseconds: 0))
    try store.setChecksDue(to: 1)
    _ = try reconcile(reconciler)
    #expect(store.metrics.staleJobs.value == 1 && store.log.contains("job became stale"))
    #expect(try store.job("p1")?.job.state == .stale)
  }

  /// The polls of many jobs are spread by the kernel's randomness alone.
  @Test func `the same seed spreads the next polls the same way`() throws {
    let times = try (0..<3).map { seed in
      let other = try ServiceTests(seed: UInt64(seed / 2))
      try other.openJobs(5, dueAt: other.wall.milliseconds)
      _ = try other.reconcile(other.reconciler())
      return try other.store.reader().nextDue().check
    }
    #expect(times[0] == times[1] && times[0] != times[2])
  }

  private init(seed: UInt64) throws {
    store = try SimulatedStore(seed: seed)
  }
}

// MARK: - Pruner

extension ServiceTests {
  private func pruner(_ policy: SchedulerPolicy = .test) throws -> Confined<Pruner> {
    Confined(
      Pruner(
        store: try store.schedulerStore(policy), policy: policy, metrics: store.metrics,
        logger: store.logger, clock: store.clock))
  }

  private func prune(_ pruner: Confined<Pruner>) throws -> Int {
    try run(pruner) { pruner, now in try await pruner.runOnce(now: now) }
    return store.metrics.prunedJobs.value
  }

  @Test func `ended jobs past their retention are deleted in steps`() throws {
    var policy = SchedulerPolicy.test
    (policy.firstPrunePause, policy.maxPrunedJobs) = (.seconds(10), 2)
    let pruner = try pruner(policy)
    let day: Int64 = 86_400_000
    for number in 0..<5 {
      try store.deliver("old\(number)", "succeeded", .succeeded, at: wall.advanced(byMilliseconds: -2 * day))
    }
    try store.deliver("new", "succeeded", .succeeded, at: wall.advanced(byMilliseconds: -day / 2))
    try store.deliver("open", "processing", .running, at: wall.advanced(byMilliseconds: -2 * day))
    #expect(try prune(pruner) == 0)
    store.kernel.spend(.seconds(10))
    #expect(try prune(pruner) == 2)
    // The next step leaves room for other commits.
    #expect(try prune(pruner) == 2)
    for _ in 0..<9 {
      store.kernel.spend(.milliseconds(50))
      _ = try prune(pruner)
    }
    #expect(store.metrics.prunedJobs.value == 5)
    #expect(try store.job("new") != nil && store.job("open") != nil && store.job("old4") == nil)
    #expect(store.log.split(separator: "\n").count { $0 == "deleted jobs past RETENTION" } == 1)
  }

  @Test func `a clock jump postpones the deletion by an hour`() throws {
    var policy = SchedulerPolicy.test
    policy.firstPrunePause = .zero
    let pruner = try pruner(policy)
    try store.deliver("old", "succeeded", .succeeded, at: Timestamp(milliseconds: 1))
    let now = store.kernel.monotonicTime
    try run(pruner) { pruner, _ in pruner.noteClockJump(at: now) }
    store.kernel.spend(.seconds(3599))
    #expect(try prune(pruner) == 0)
    store.kernel.spend(.seconds(1))
    #expect(try prune(pruner) == 1)
  }
}
