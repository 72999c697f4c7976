import CSQLite
@testable import GroupCommit
import HTTPWire
@testable import JobRequests
import Jobs
@testable import Observability
@testable import Replicate
@testable import Scheduler
import Store
import Stubs
@testable import System
import Testing
@testable import Time

/// Answers of the provider that cannot be stored.
@Suite struct ProviderContextTests {
  private static let body = Array(#"{"id":"p1","status":"succeeded","output":"x"}"#.utf8)

  private static func context(_ store: CommittingStore) -> ProviderContext {
    ProviderContext(
      publicURL: nil, token: JobToken(key: JobToken.makeKey()), queue: store.queue, rules: OutputRules(),
      metrics: store.metrics, logger: store.logger, newSecret: { _ in })
  }

  private static func send(_ id: String, _ store: CommittingStore) throws -> OrderStep {
    let now = Timestamp(milliseconds: WallClock.milliseconds)
    let order = try CommittingStore.order(id, at: now)
    let steps = store.queue.write { transaction throws(StoreError) in
      _ = try transaction.enqueue(order)
      return try transaction.claimOrderSteps(at: now, creates: 1, cancels: 0, finds: 0, lease: 1000)
    }
    return try #require(try steps.get().first)
  }

  /// A retry would be rejected for ever, and would block the caller.
  @Test func `an answer that the store rejects by itself is dropped`() throws {
    let store = try CommittingStore()
    let context = Self.context(store)
    let step = try Self.send("a", store)
    try store.poison()
    #expect(!context.record(Self.body, .answer, ofJob: step.order.number))
    #expect(store.metrics.droppedAnswers.value == 1 && store.metrics.blockedCallers.value == 0)
    try store.execute("DROP TRIGGER poison")
    #expect(context.record(Self.body, .answer, ofJob: step.order.number))
  }

  /// A failure of the whole store is temporary. The answer comes only once, so it is kept until then.
  @Test func `an answer waits for a store that cannot be written`() throws {
    let store = try CommittingStore(busyTimeout: 10)
    let context = Self.context(store)
    let step = try Self.send("a", store)
    var other: OpaquePointer?
    defer { sqlite3_close_v2(other) }
    try #require(sqlite3_open(store.path, &other) == SQLITE_OK)
    try #require(sqlite3_exec(other, "BEGIN IMMEDIATE", nil, nil, nil) == SQLITE_OK)
    let outcome = OneShot<Bool>()
    let caller = try Thread(named: "caller") {
      outcome.set(context.record(Self.body, .answer, ofJob: step.order.number))
    }
    #expect(outcome.wait(timeout: .milliseconds(200)) == nil)
    for _ in 0..<1000 where store.metrics.blockedCallers.value != 1 {
      #expect(outcome.wait(timeout: .milliseconds(10)) == nil)
    }
    #expect(store.metrics.blockedCallers.value == 1)
    try #require(sqlite3_exec(other, "ROLLBACK", nil, nil, nil) == SQLITE_OK)
    #expect(outcome.wait(timeout: .seconds(30)) == true)
    caller.join()
    #expect(store.metrics.blockedCallers.value == 0 && store.metrics.droppedAnswers.value == 0)
  }
}

/// The provider's answers are bounded like deliveries.
@Suite struct ReplicateClientTests {
  /// The bound holds for one prediction. A page of a hundred may be larger.
  @Test(arguments: [
    (1000, false, false), (200_000, true, false), ((16 << 20) - 1000, true, false), (17 << 20, true, true),
  ])
  func `a response above its maximum size is rejected`(
    _ size: Int, _ isTooLong: Bool, _ isTooLongAsPage: Bool
  ) throws {
    let filler = String(repeating: "x", count: size)
    let body = #"{"id":"p1","status":"succeeded","results":[],"next":null,"output":"\#(filler)"}"#
    let api = try StubAPI { _, _ in .json(body) }
    let token = try #require(APIToken("r8_of_a_stand_in"))
    let client = try ReplicateClient(base: api.url, token: token, maxBodyBytes: 100_000) { false }
    #expect(Self.isTooLong(client.get("p1", .predictions)) == isTooLong)
    #expect(Self.isTooLong(client.list(nil)) == isTooLongAsPage)
  }

  private static func isTooLong<Value>(_ outcome: ReplicateClient.Outcome<Value>) -> Bool? {
    switch outcome {
    case .answered: false
    case .failed(.unintelligible(status: 200)): true
    default: nil
    }
  }
}
