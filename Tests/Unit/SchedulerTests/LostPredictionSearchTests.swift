import Glibc
@testable import GroupCommit
import HTTPWire
@testable import JobRequests
import Jobs
@testable import Replicate
@testable import Scheduler
import Store
import Stubs
@testable import System
import Testing
@testable import Time

/// A search of the provider's list.
///
/// The client, the list and the store are real.
@Suite struct LostPredictionSearchTests {
  @Test func `a listed prediction is bound to its job`() throws {
    let search = try Search(conclusiveIn: 0) { token in
      let url = token.webhookURL(publicURL: "https://h.example", jobID: "a") ?? ""
      return #"{"results":[{"id":"p1","status":"succeeded","output":"x","webhook":"\#(url)"}],"next":null}"#
    }
    try search.run()
    #expect(try search.stage == .submitted)
    let row = try #require(try StoreReader(path: search.path).history(ofJob: 1, after: 0, limit: 9).first)
    #expect(row.source == .list && row.outcome == .applied)
  }

  @Test func `a conclusive absence requeues the order`() throws {
    let search = try Search(conclusiveIn: -1000) { _ in #"{"results":[],"next":null}"# }
    try search.run()
    #expect(try search.stage == .queued)
  }

  @Test func `an early absence leads to another search`() throws {
    let search = try Search(conclusiveIn: 60_000) { _ in #"{"results":[],"next":null}"# }
    try search.run()
    #expect(try search.stage == .unanswered)
  }

  /// A page lacks predictions created after its request.
  ///
  /// An absence counts by the time of the request.
  @Test func `an absence counts from the time of the list's request`() throws {
    let conclusive = WallClock.milliseconds + 200
    let search = try Search(conclusiveAt: conclusive) { _ in
      while WallClock.milliseconds <= conclusive { poll(nil, 0, 5) }
      return #"{"results":[],"next":null}"#
    }
    try search.run()
    #expect(try search.stage == .unanswered)
  }

  /// A token signed with another key names no job.
  @Test func `a prediction with a wrong token is ignored`() throws {
    let search = try Search(conclusiveIn: 60_000) { _ in
      let url = "https://h.example/webhooks/replicate?job=a.\(String(repeating: "0", count: 32))"
      return #"{"results":[{"id":"p1","status":"succeeded","output":"x","webhook":"\#(url)"}],"next":null}"#
    }
    try search.run()
    #expect(try search.stage == .unanswered)
  }
}

/// Lists whose items show no webhooks, as Replicate documents them.
///
/// Such an item proves neither that a prediction exists nor that it does not.
extension LostPredictionSearchTests {
  private static let now = Timestamp(milliseconds: WallClock.milliseconds).rfc3339

  private static func page(_ items: [String]) -> String {
    #"{"results":[\#(items.joined(separator: ","))],"next":null}"#
  }

  private static func item(_ id: String, at time: String = now, _ webhook: String = "") -> String {
    #"{"id":"\#(id)","status":"succeeded","output":"x","created_at":"\#(time)"\#(webhook)}"#
  }

  private static func webhook(_ token: JobToken, of job: String) -> String {
    #","webhook":"\#(token.webhookURL(publicURL: "https://h.example", jobID: job) ?? "")""#
  }

  /// The answer to a fetch of the prediction itself decides.
  @Test(
    arguments: [
      ("ours", -1000, .submitted), ("ours", 60_000, .submitted), ("null", -1000, .queued),
      ("another job's", -1000, .queued), ("null", 60_000, .unanswered), ("nothing", -1000, .unanswered),
      ("nothing", -590_000, .unanswered), ("nothing", -610_000, .ended), ("404", -1000, .unanswered),
      ("404", -610_000, .ended), ("another prediction", -1000, .unanswered), ("503", -1000, .unanswered),
      ("503", -610_000, .unanswered),
    ] as [(String, Int64, OrderStage)])
  func `an item without its webhook is fetched`(
    _ answer: String, _ conclusiveIn: Int64, _ expected: OrderStage
  ) throws {
    let search = try Search(conclusiveIn: conclusiveIn) { _ in
      Self.page([Self.item("p1")])
    } get: { token, id in
      switch answer {
      case "ours": (.ok, Self.item(id, Self.webhook(token, of: "a")))
      case "another job's": (.ok, Self.item(id, Self.webhook(token, of: "b")))
      case "null": (.ok, Self.item(id, #","webhook":null"#))
      case "another prediction": (.ok, Self.item("p2", #","webhook":null"#))
      case "404": (.notFound, #"{"detail":"no"}"#)
      case "503": (.serviceUnavailable, #"{"detail":"no"}"#)
      default: (.ok, Self.item(id))
      }
    }
    try search.run()
    #expect(try search.stage == expected)
    #expect(search.fetched == ["p1"])
    if expected == .ended { #expect(try search.job.error?.code == "answer_lost") }
  }

  /// Predictions of another time or of another job need no fetch.
  @Test func `a search fetches only candidates`() throws {
    let now = WallClock.milliseconds
    let time = { @Sendable (seconds: Int64) in Timestamp(milliseconds: now + seconds * 1000).rfc3339 }
    let search = try Search(conclusiveIn: -1000) { _ in
      Self.page([
        Self.item("later", at: time(400)), Self.item("known"), Self.item("earlier", at: time(-400)),
      ])
    } get: { _, id in
      (.ok, Self.item(id))
    }
    try search.create("b", as: "known")
    try search.run()
    #expect(try search.stage == .queued)
    #expect(search.fetched == [])
  }

  /// A search has a maximum of fetches, and the next resumes there.
  @Test func `a search fetches each prediction once`() throws {
    let count = 2 * LostPredictionSearch.maxCandidates + 30
    let search = try Search(conclusiveIn: -1000) { _ in
      Self.page((0..<count).map { Self.item("p\($0)") })
    } get: { token, id in
      (.ok, Self.item(id, id == "p\(count - 1)" ? Self.webhook(token, of: "a") : #","webhook":null"#))
    }
    for part in 1...2 {
      try search.run()
      #expect(search.fetched.count == part * LostPredictionSearch.maxCandidates)
      #expect(try search.stage == .unanswered)
    }
    try search.run()
    #expect(try search.stage == .submitted)
    #expect(search.fetched.count == count && Set(search.fetched).count == count)
  }

  /// A prediction seen by one search may be sought by the next.
  @Test func `a prediction fetched once is found by a later search`() throws {
    let search = try Search(conclusiveIn: -1000) { _ in
      Self.page([Self.item("p1")])
    } get: { token, id in
      (.ok, Self.item(id, Self.webhook(token, of: "b")))
    }
    try search.run()
    #expect(try search.stage == .queued)
    let other = try search.lose("b")
    try search.run([other])
    #expect(try search.stage(of: other) == .submitted)
  }

  /// The store rejects the found prediction, which exists all the same.
  @Test func `a prediction that cannot be recorded is not absent`() throws {
    let search = try Search(conclusiveIn: -1000) { token in
      Self.page([Self.item("p1", Self.webhook(token, of: "a"))])
    }
    try search.poison()
    try search.run()
    #expect(try search.stage == .unanswered)
  }
}

/// A store with one lost order, "a", and a canned provider.
private final class Search {
  let context: ProviderContext
  private let store: CommittingStore
  private let client: ReplicateClient
  private let step: OrderStep
  private let api: StubAPI

  var path: String { store.path }

  convenience init(
    conclusiveIn milliseconds: Int64, list: @escaping @Sendable (JobToken) -> String,
    get: @escaping @Sendable (JobToken, String) -> (Status, String) = { _, _ in (.notFound, "{}") }
  ) throws {
    try self.init(conclusiveAt: WallClock.milliseconds + milliseconds, list: list, get: get)
  }

  init(
    conclusiveAt conclusive: Int64, list: @escaping @Sendable (JobToken) -> String,
    get: @escaping @Sendable (JobToken, String) -> (Status, String) = { _, _ in (.notFound, "{}") }
  ) throws {
    store = try CommittingStore()
    let token = JobToken(key: JobToken.makeKey())
    api = try StubAPI { request, _ in
      guard request.path.count > 2 else { return .json(list(token)) }
      let (status, body) = get(token, request.path[2])
      return .json(body, status)
    }
    context = ProviderContext(
      publicURL: "https://h.example", token: token, queue: store.queue, rules: OutputRules(),
      metrics: store.metrics, logger: store.logger, newSecret: { _ in })
    let apiToken = try #require(APIToken("r8_of_a_stand_in"))
    client = try ReplicateClient(base: api.url, token: apiToken, isStopping: { false })
    step = try Self.unansweredStep("a", store.queue, conclusiveAt: Timestamp(milliseconds: conclusive))
  }

  func run(_ steps: [OrderStep]? = nil) throws {
    #expect(LostPredictionSearch(client: client, context: context).run(steps ?? [step]) == nil)
  }

  /// Another order whose call had no answer, long ago.
  func lose(_ id: String) throws -> OrderStep {
    let conclusive = Timestamp(milliseconds: WallClock.milliseconds - 1000)
    return try Self.unansweredStep(id, store.queue, conclusiveAt: conclusive)
  }

  /// The ids of fetched predictions.
  var fetched: [String] { api.requests.compactMap { $0.path.dropFirst(2).first } }

  var job: Job {
    get throws { try #require(try StoreReader(path: path).job("a")).job }
  }

  /// Creates another job, which has that prediction.
  func create(_ id: String, as prediction: String) throws {
    let now = Timestamp(milliseconds: WallClock.milliseconds)
    let order = try CommittingStore.order(id, at: now)
    let result = store.queue.write { transaction throws(StoreError) in
      _ = try transaction.enqueue(order)
      return try transaction.claimOrderSteps(at: now, creates: 9, cancels: 0, finds: 0, lease: 1000)
    }
    let step = try #require(try result.get().first)
    let body = Array(#"{"id":"\#(prediction)","status":"starting"}"#.utf8)
    #expect(context.record(body, .answer, ofJob: step.order.number))
  }

  /// Makes the store reject every history row.
  func poison() throws { try store.poison() }

  var stage: OrderStage? {
    get throws { try stage(of: step) }
  }

  func stage(of step: OrderStep) throws -> OrderStage? {
    try StoreReader(path: path).order(ofJob: step.order.number)?.stage
  }

  private static func unansweredStep(
    _ id: String, _ queue: CommitQueue, conclusiveAt conclusive: Timestamp
  ) throws -> OrderStep {
    // In the past, so that an order queued again is due later.
    let now = Timestamp(milliseconds: WallClock.milliseconds - 1000)
    let order = try CommittingStore.order(id, at: now)
    let steps = queue.write { transaction throws(StoreError) in
      _ = try transaction.enqueue(order)
      let sending = try transaction.claimOrderSteps(at: now, creates: 1, cancels: 0, finds: 0, lease: 1000)
      for step in sending {
        try transaction.noteUnanswered(step.order, nextSearch: now, absenceConclusive: conclusive)
      }
      return try transaction.claimOrderSteps(at: now, creates: 0, cancels: 0, finds: 1, lease: 1000)
    }
    return try #require(try steps.get().first)
  }
}
