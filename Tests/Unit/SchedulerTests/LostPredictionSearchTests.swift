@testable import GroupCommit
import HTTPClient
import HTTPWire
@testable import JobRequests
import Jobs
@testable import Replicate
@testable import Scheduler
import Simulation
@testable import Ledger
import StoreSeam
import SQLiteStore
import Samples
import Testing
@testable import Time

/// A search of the provider's list.
///
/// The store is real, and the provider scripted.
@Suite struct LostPredictionSearchTests {
  @Test func `a listed prediction is bound to its job`() throws {
    let search = try Search(conclusiveIn: 0) { token in
      let url = token.webhookURL(publicURL: "https://h.example", jobID: "a") ?? ""
      return #"{"results":[{"id":"p1","status":"succeeded","output":"x","webhook":"\#(url)"}],"next":null}"#
    }
    try search.run()
    #expect(try search.stage == .submitted)
    let row = try #require(
      try SQLiteReader(path: search.path).history(ofJob: "a", after: 0, limit: 9)?.entries.first)
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
    let search = try Search(conclusiveIn: 200, holdsList: true) { _ in #"{"results":[],"next":null}"# }
    try search.run(answeringAfter: .milliseconds(300))
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
  /// About when every test begins.
  private static let now = Timestamp(milliseconds: 1_764_000_000_000).rfc3339

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
    #expect(
      search.fetched == Array(repeating: "p1", count: answer == "503" ? LostPredictionSearch.maxTries : 1))
    if expected == .ended { #expect(try search.job.error?.code == "answer_lost") }
  }

  /// Predictions of another time or of another job need no fetch.
  @Test func `a search fetches only candidates`() throws {
    let now: Int64 = 1_764_000_000_000
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
    try search.lose("b")
    try search.run([try search.step(of: "b")])
    #expect(try search.stage(of: "b") == .submitted)
  }

  /// It names the job too, because a job's attempts share their webhook.
  @Test func `an earlier attempt in the list proves nothing`() throws {
    let search = try Search(conclusiveIn: -1000) { token in
      Self.page([Self.item("p0", Self.webhook(token, of: "a"))])
    }
    try search.notePastAttempt("p0")
    try search.run()
    #expect(try search.stage == .queued)
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

/// Pages whose calls fail.
extension LostPredictionSearchTests {
  /// A list of nine full pages, of which the last one shows the prediction of "a".
  private static func pages(_ token: JobToken, _ path: String) -> String {
    let number = path.split(separator: "=").last.flatMap { Int($0) } ?? 1
    let items = (0..<3).map { item("p\(number)-\($0)", webhook(token, of: "other")) }
    guard number < 9 else { return page(items + [item("p1", webhook(token, of: "a"))]) }
    let next = "https://api.example/v1/predictions?cursor=\(number + 1)"
    return #"{"results":[\#(items.joined(separator: ","))],"next":"\#(next)"}"#
  }

  /// The pages before it are not read again.
  @Test(
    arguments: [
      (.json("{}", .serviceUnavailable), 1), (.json("{}", .serviceUnavailable), 4),
      (.json("{}", .serviceUnavailable, retryAfter: "7"), 7),
      (.json("{}", .tooManyRequests, retryAfter: "9"), 9),
      (.failure(.unanswered("timeout")), 1), (.failure(.unsent("refused")), 1),
    ] as [(ScriptedClient.Answer, Int)])
  func `a page that fails is retried and the search goes on from there`(
    _ failure: ScriptedClient.Answer, _ minSeconds: Int
  ) throws {
    // As many failures in a row as may be, or one that names its own pause.
    let failures = minSeconds == 4 ? LostPredictionSearch.maxTries - 1 : 1
    let search = try Search(
      conclusiveIn: -1000,
      script: { token, request in
        if request.line.hasSuffix("=7"), request.before < failures { return failure }
        return .json(Self.pages(token, request.line))
      })
    let begin = search.now
    try search.run()
    #expect(try search.stage == .submitted)
    let pages = search.lines.map { $0.split(separator: "=").last.flatMap { Int($0) } ?? 1 }
    #expect(pages == [1, 2, 3, 4, 5, 6] + Array(repeating: 7, count: failures) + [7, 8, 9])
    #expect(search.now.milliseconds - begin.milliseconds >= Int64(minSeconds) * 1000)
  }

  /// What comes later than the first page's request is on none of the pages.
  @Test func `an absence counts from the first page although a later page was retried`() throws {
    let search = try Search(
      conclusiveIn: 500,
      script: { _, request in
        if request.line.hasSuffix("=2") {
          return request.before < 2 ? .json("{}", .serviceUnavailable) : .json(#"{"results":[],"next":null}"#)
        }
        return .json(#"{"results":[],"next":"https://api.example/v1/predictions?cursor=2"}"#)
      })
    try search.run()
    #expect(search.lines.count == 4)
    #expect(try search.stage == .unanswered)
  }

  /// The next search starts at the first page.
  @Test func `a page that fails again and again ends the search`() throws {
    let search = try Search(
      conclusiveIn: -1000,
      script: { token, request in
        request.line.hasSuffix("=3")
          ? .json("{}", .serviceUnavailable) : .json(Self.pages(token, request.line))
      })
    try search.run()
    #expect(try search.stage == .unanswered)
    #expect(search.lines.count == 2 + LostPredictionSearch.maxTries)
  }

  /// Another search could only be rejected too, and so could a retry.
  @Test(arguments: [(.unauthorized, nil, 60), (.tooManyRequests, "61", 61)] as [(Status, String?, Int)])
  func `a rejected token or a long pause ends the search`(
    _ status: Status, _ retryAfter: String?, _ seconds: Int
  ) throws {
    let search = try Search(
      conclusiveIn: -1000,
      script: { _, _ in
        .json(#"{"detail":"no"}"#, status, retryAfter: retryAfter)
      })
    #expect(try search.run([try search.step()])?.seconds == seconds)
    #expect(search.lines.count == 1)
    #expect(try search.stage == .unanswered)
  }

  /// Every retry and every page counts in the rate of calls.
  @Test func `a search takes a token for each call`() throws {
    let search = try Search(
      conclusiveIn: -1000,
      script: { token, request in
        .json(Self.pages(token, request.line))
      })
    try search.run()
    // The first one was taken when the search started.
    #expect(search.takenCalls == 8)
  }
}

/// A store with one lost order, "a", and a scripted provider.
private final class Search {
  private let store: SimulatedStore
  private let client: ScriptedClient
  private let search: Confined<LostPredictionSearch>
  private let context: Confined<ProviderContext>
  private let limit: RateLimit
  private let availableCalls: Int
  private var claimed: [String: OrderStep] = [:]

  var path: String { store.path }
  var now: Timestamp { store.now }
  var lines: [String] { client.lines }
  var takenCalls: Int { availableCalls - limit.availableCalls(at: store.kernel.monotonicTime) }

  convenience init(
    conclusiveIn milliseconds: Int64, holdsList: Bool = false, list: @escaping @Sendable (JobToken) -> String,
    get: @escaping @Sendable (JobToken, String) -> (Status, String) = { _, _ in (.notFound, "{}") }
  ) throws {
    try self.init(conclusiveIn: milliseconds) { token, request in
      guard request.path.count > 2 else { return holdsList ? .held : .json(list(token)) }
      let (status, body) = get(token, request.path[2])
      return .json(body, status)
    }
  }

  init(
    conclusiveIn milliseconds: Int64,
    script: @escaping @Sendable (JobToken, ScriptedClient.Request) -> ScriptedClient.Answer
  ) throws {
    store = try SimulatedStore()
    let token = JobToken(key: Array(repeating: 7, count: 32))
    client = ScriptedClient { script(token, $0) }
    var policy = SchedulerPolicy.test
    policy.maxCalls = 50
    limit = store.limit(policy)
    availableCalls = limit.availableCalls(at: store.kernel.monotonicTime)
    let context = try store.context(token: token)
    self.context = Confined(context)
    search = Confined(LostPredictionSearch(client: try client.api(), context: context, limit: limit))
    try lose("a", conclusiveIn: milliseconds)
  }

  @discardableResult
  func run(_ steps: [OrderStep]? = nil) throws -> ProviderPause? {
    let (steps, clock) = (try steps ?? [step()], Confined(store.clock))
    return try store.run { [search] in
      await search.value.runOnce(now: clock.value.now, for: steps)
    }
  }

  /// Runs a search whose list is answered after that time.
  func run(answeringAfter delay: Duration) throws {
    store.kernel.after(delay) { [client] in
      client.release("GET /v1/predictions", .json(#"{"results":[],"next":null}"#))
    }
    try run()
  }

  /// Another order whose call had no answer, long ago.
  func lose(_ id: String, conclusiveIn milliseconds: Int64 = -1000) throws {
    // In the past, so that an order queued again is due later.
    try store.lose(
      id, sentAt: now.advanced(byMilliseconds: -1000),
      conclusiveAt: now.advanced(byMilliseconds: milliseconds))
    let now = now
    let steps = try store.write { transaction throws(StorageError) in
      try transaction.claimOrderSteps(at: now, creates: 0, cancels: 0, finds: 9, lease: 3_600_000)
    }
    claimed[id] = steps.first { $0.job.id == id }
  }

  /// The claimed search of an order.
  func step(of id: String = "a") throws -> OrderStep { try #require(claimed[id]) }

  /// The ids of fetched predictions.
  var fetched: [String] { client.requests.compactMap { $0.path.dropFirst(2).first } }

  var job: Job {
    get throws { try #require(try store.job("a")).job }
  }

  /// Creates another job, which has that prediction.
  func create(_ id: String, as prediction: String) throws {
    let step = try store.send(id)
    let body = Array(#"{"id":"\#(prediction)","status":"starting"}"#.utf8)
    let isRecorded = try store.run { [context] in
      await context.value.record(body, .answer, ofJob: step.order.number)
    }
    #expect(isRecorded)
  }

  /// Notes the prediction of an earlier attempt of the lost order.
  func notePastAttempt(_ prediction: String) throws {
    let (number, now) = (try step().order.number, now)
    let evidence = Evidence(logsSize: 0, outputSize: 0, digest: .repeating(0))
    let snapshot = Snapshot(
      predictionID: prediction, providerStatus: "failed", phase: .failed, evidence: evidence)
    try store.write { transaction throws(StorageError) in
      transaction.notePastAttempt(snapshot, of: try transaction.requiredJob(number: number), at: now)
    }
  }

  /// Makes the store reject every history row.
  func poison() throws { try store.poison() }

  var stage: OrderStage? {
    get throws { try stage(of: "a") }
  }

  func stage(of id: String) throws -> OrderStage? { try store.stage(id) }
}
