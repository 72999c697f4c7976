import CSQLite
import EventLoop
import HTTPClient
import HTTPWire
@testable import JobRequests
import Jobs
@testable import Observability
@testable import Replicate
@testable import Scheduler
import StoreSeam
import SQLiteStore
import Stubs
@testable import System
import Testing
@testable import Time

/// Answers of the provider that cannot be stored.
@Suite struct ProviderContextTests {
  private static let body = Array(#"{"id":"p1","status":"succeeded","output":"x"}"#.utf8)

  /// A retry would be rejected for ever, and would block the call.
  @Test func `an answer that the store rejects by itself is dropped`() throws {
    let store = try SimulatedStore()
    let context = Confined(try store.context())
    let step = try store.send("a")
    let record = {
      try store.run { await context.value.record(Self.body, .answer, ofJob: step.order.number) }
    }
    try store.poison()
    #expect(try !record())
    #expect(store.metrics.droppedAnswers.value == 1 && store.metrics.blockedCallers.value == 0)
    try store.execute("DROP TRIGGER poison")
    #expect(try record())
  }

  /// A failure of the whole store is temporary. The answer comes only once, so it is kept until then.
  @Test(arguments: [1, 30, 7200])
  func `an answer waits for a store that cannot be written`(_ seconds: Int) throws {
    let store = try SimulatedStore()
    let (context, step) = (Confined(try store.context()), try store.send("a"))
    let lock = try WriteLock(on: store.path)
    let outcome = OneShot<Bool>()
    store.loop.start {
      outcome.set(await context.value.record(Self.body, .answer, ofJob: step.order.number))
    }
    try store.run(for: .seconds(seconds))
    #expect(outcome.current == nil && store.metrics.blockedCallers.value == 1)
    lock.release()
    try store.run(until: { outcome.current != nil }, within: .seconds(2))
    #expect(outcome.current == true)
    #expect(store.metrics.blockedCallers.value == 0 && store.metrics.droppedAnswers.value == 0)
  }

  /// The order is found `sending` at the next start, and searched for.
  @Test func `an answer that cannot be committed is dropped at the daemon's end`() throws {
    let store = try SimulatedStore()
    let (context, step) = (Confined(try store.context()), try store.send("a"))
    let lock = try WriteLock(on: store.path)
    let outcome = OneShot<Bool>()
    let task = store.loop.start {
      outcome.set(await context.value.record(Self.body, .answer, ofJob: step.order.number))
    }
    try store.run(for: .seconds(10))
    #expect(outcome.current == nil)
    task.cancel()
    try store.run(until: { outcome.current != nil }, within: .milliseconds(10))
    #expect(outcome.current == false && store.metrics.blockedCallers.value == 0)
    lock.release()
    #expect(try store.stage("a") == .sending)
  }
}

/// Another connection's lock, which no commit passes.
private final class WriteLock {
  private var connection: OpaquePointer?

  init(on path: String) throws {
    try #require(sqlite3_open(path, &connection) == SQLITE_OK)
    try #require(sqlite3_exec(connection, "BEGIN IMMEDIATE", nil, nil, nil) == SQLITE_OK)
  }

  func release() {
    sqlite3_close_v2(connection)
    connection = nil
  }

  deinit { release() }
}

/// The provider's answers are bounded like deliveries.
@Suite struct ReplicateClientTests {
  /// The bound holds for one prediction. A page of a hundred may be larger.
  @Test(arguments: [
    (1000, false, false), (200_000, true, false), ((16 << 20) - 1000, true, false), (17 << 20, true, true),
  ])
  func `a response above its maximum size is rejected`(
    _ size: Int, _ isTooLong: Bool, _ isTooLongAsPage: Bool
  ) async throws {
    let filler = String(repeating: "x", count: size)
    let body = #"{"id":"p1","status":"succeeded","results":[],"next":null,"output":"\#(filler)"}"#
    let api = try StubAPI { _, _ in .json(body) }
    let token = try #require(APIToken("r8_of_a_stand_in"))
    let http = try CurlClient(threads: 1, named: "test")
    defer { http.close() }
    let client = ReplicateClient(base: api.url, token: token, maxBodyBytes: 100_000, client: http)
    #expect(Self.isTooLong(await client.get("p1", .predictions)) == isTooLong)
    #expect(Self.isTooLong(await client.list(nil)) == isTooLongAsPage)
  }

  private static func isTooLong<Value>(_ outcome: ReplicateClient.Outcome<Value>) -> Bool? {
    switch outcome {
    case .answered: false
    case .failed(.unintelligible(status: 200)): true
    default: nil
    }
  }
}
