@testable import Crypto
@testable import GroupCommit
import HTTPWire
@testable import JobRequests
import Jobs
@testable import JobsAPI
import Logging
@testable import Replicate
@testable import Scheduler
import StandardWebhooks
import Stubs
@testable import System
import Testing
@testable import Time

@testable import Store

/// One caller, an API with canned answers, and a store.
final class Desk {
  private let store: CommittingStore
  private let calls = BlockingQueue<ProviderCall>(capacity: 4)
  private let events = BlockingQueue<Mailbox.Event>(capacity: 4)
  private let api: StubAPI
  private let calling: Thread
  private var deliveries = 0

  /// - Parameter answer: returns the status and the body for a method and a path.
  init(_ answer: @escaping @Sendable (String) -> (Status, String)) throws {
    store = try CommittingStore()
    api = try StubAPI { request, _ in
      let (status, body) = answer(request.line)
      return .json(body, status)
    }
    let context = ProviderContext(
      publicURL: "https://h.example", token: JobToken(key: JobToken.makeKey()), queue: store.queue,
      rules: OutputRules(), metrics: store.metrics, logger: store.logger, newSecret: { _ in })
    let client = try ReplicateClient(
      base: api.url, token: try #require(APIToken("r8_of_a_stand_in")), isStopping: { false })
    calling = try Thread(named: "caller") { [calls, events] in
      ProviderCaller(position: 0, client: client, context: context, calls: calls) { event in
        _ = events.push(event)
      }.run()
    }
  }

  deinit {
    calls.close()
    calling.join()
  }

  var requests: [String] { api.lines }

  private var now: Timestamp { Timestamp(milliseconds: WallClock.milliseconds) }

  private func perform(_ call: ProviderCall) throws {
    #expect(calls.push(call))
    _ = try #require(events.popAll(timeout: .seconds(30)))
  }

  /// Enqueues an order, and makes its call.
  func create(_ id: String) throws {
    let (now, request) = (now, Array(#"{"model":"owner/model","input":{"prompt":"cat"}}"#.utf8))
    let order = Order(
      id: id, idempotencyKey: nil, digest: try #require(BodyDigest(bytes: SHA256().digest(of: request.span))),
      request: request, model: "owner/model", createdAt: now, timeout: nil, retries: 0)
    let steps = try store.queue.write { transaction throws(StoreError) in
      _ = try transaction.enqueue(order)
      return try transaction.claimOrderSteps(at: now, creates: 1, cancels: 0, finds: 0, lease: 1000)
    }.get()
    try perform(.create(try #require(steps.first)))
  }

  func deliver(_ body: String) throws {
    let decoded = try SnapshotDecoder(rules: OutputRules()).decode(Array(body.utf8))
    deliveries += 1
    let delivery = Delivery(
      webhookID: "w\(deliveries)", receivedAt: now, snapshot: decoded.snapshot, body: decoded.body)
    _ = try store.queue.write { transaction throws(StoreError) in try transaction.record(delivery) }.get()
  }

  /// Polls the job of that prediction.
  func poll(_ prediction: String) throws {
    let found = try stored(prediction)
    try perform(
      .poll(
        DuePolls.Poll(
          number: found.number, predictionID: prediction, isCreatedHere: found.job.origin != nil)))
  }

  func cancel(_ id: String) throws {
    let now = now
    let steps = try store.queue.write { transaction throws(StoreError) in
      _ = try transaction.cancel(id, at: now)
      return try transaction.claimOrderSteps(at: now, creates: 0, cancels: 1, finds: 0, lease: 1000)
    }.get()
    try perform(try #require(steps.first?.call))
  }
}

// MARK: - Results

extension Desk {
  func stored(_ id: String) throws -> StoredJob { try #require(try StoreReader(path: store.path).job(id)) }

  func job(_ id: String) throws -> Job { try stored(id).job }

  func order(_ id: String) throws -> StoredOrder {
    try #require(try StoreReader(path: store.path).order(ofJob: try stored(id).number))
  }

  func history(_ id: String) throws -> [HistoryEntry] {
    try StoreReader(path: store.path).history(ofJob: try stored(id).number, after: 0, limit: 99)
  }

  func damagedBodies() throws -> Int {
    let sha256 = SHA256()
    return try StoreReader(path: store.path).damagedBodies { sha256.digest(of: $0) }.count
  }

  /// The job's document, as `GET /jobs/{id}` shows it.
  func document(_ id: String) throws -> String {
    let stored = try stored(id)
    let snapshot = try #require(stored.job.snapshot)
    let parts = PredictionParts(
      storedBody: stored.body.span, id: snapshot.predictionID, status: snapshot.providerStatus)
    let order = try order(id)
    let document = JobDocument.whole(
      stored.job, parts, body: stored.body, order: order, request: order.parsedRequest)
    return String(decoding: document, as: UTF8.self)
  }
}
