import EventLoop
@testable import Crypto
@testable import GroupCommit
import HTTPWire
@testable import JobRequests
import Jobs
@testable import JobsAPI
@testable import Replicate
@testable import Scheduler
import Simulation
import StandardWebhooks
@testable import System
import Testing
@testable import Time

@testable import Ledger
import StoreSeam
import SQLiteStore

/// The calls to a scripted provider, and a store.
final class Desk {
  private let store: SimulatedStore
  private let client: ScriptedClient
  private let calls: Confined<ProviderCalls>
  private var deliveries = 0

  /// - Parameter answer: returns the status and the body for a method and a path.
  init(_ answer: @escaping @Sendable (String) -> (Status, String)) throws {
    store = try SimulatedStore()
    client = ScriptedClient { request in
      let (status, body) = answer(request.line)
      return .json(body, status)
    }
    calls = try store.calls(to: client)
  }

  var requests: [String] { client.lines }

  private func perform(_ call: ProviderCall) throws {
    _ = try store.run { [calls] in await calls.value.perform(call) }
  }

  /// Enqueues an order, and makes its call.
  func create(_ id: String) throws {
    let (now, request) = (store.now, Array(#"{"model":"owner/model","input":{"prompt":"cat"}}"#.utf8))
    let order = Order(
      id: id, idempotencyKey: nil, digest: try #require(BodyDigest(bytes: SHA256().digest(of: request.span))),
      request: request, model: "owner/model", createdAt: now, timeout: nil, retries: 0)
    let steps = try store.write { transaction throws(StorageError) in
      _ = try transaction.enqueue(order)
      return try transaction.claimOrderSteps(at: now, creates: 1, cancels: 0, finds: 0, lease: 1000)
    }
    try perform(.create(try #require(steps.first)))
  }

  func deliver(_ body: String) throws {
    let decoded = try SnapshotDecoder(rules: OutputRules()).decode(Array(body.utf8))
    deliveries += 1
    let delivery = Delivery(
      webhookID: "w\(deliveries)", receivedAt: store.now, snapshot: decoded.snapshot, body: decoded.body)
    try store.write { transaction throws(StorageError) in _ = try transaction.record(delivery) }
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
    let now = store.now
    let steps = try store.write { transaction throws(StorageError) in
      _ = try transaction.cancel(id, at: now)
      return try transaction.claimOrderSteps(at: now, creates: 0, cancels: 1, finds: 0, lease: 1000)
    }
    try perform(try #require(steps.first?.call))
  }
}

// MARK: - Results

extension Desk {
  func stored(_ id: String) throws -> JobRecord { try #require(try SQLiteReader(path: store.path).job(id)) }

  func job(_ id: String) throws -> Job { try stored(id).job }

  func order(_ id: String) throws -> StoredOrder {
    try #require(try stored(id).order)
  }

  func history(_ id: String) throws -> [HistoryEntry] {
    try #require(try SQLiteReader(path: store.path).history(ofJob: id, after: 0, limit: 99)).entries
  }

  func damagedBodies() throws -> Int {
    let sha256 = SHA256()
    return try SQLiteReader(path: store.path).damagedBodies { sha256.digest(of: $0) }.count
  }

  /// The job's document, as `GET /jobs/{id}` shows it.
  func document(_ id: String) throws -> String {
    let stored = try stored(id)
    let snapshot = try #require(stored.job.snapshot)
    let body = stored.body
    let parts = PredictionParts(
      storedBody: body.span, id: snapshot.predictionID, status: snapshot.providerStatus)
    let order = try order(id)
    let document = JobDocument.whole(
      stored.job, parts, body: body, order: order, request: order.parsedRequest)
    return String(decoding: document, as: UTF8.self)
  }
}

extension SimulatedStore {
  func context(
    publicURL: String? = "https://h.example", token: JobToken = JobToken(key: Array(repeating: 7, count: 32))
  ) throws -> ProviderContext {
    ProviderContext(
      loop: loop, publicURL: publicURL, token: token, store: try schedulerStore(), rules: LiveOutputRules(),
      policy: .test, metrics: metrics, logger: logger)
  }

  func limit(_ policy: SchedulerPolicy = .test) -> RateLimit {
    RateLimit(
      maxCalls: policy.maxCalls, policy: policy, now: kernel.monotonicTime,
      random: KernelRandomness(kernel))
  }

  func calls(to client: ScriptedClient) throws -> Confined<ProviderCalls> {
    Confined(
      ProviderCalls(
        client: try client.api(), context: try context(), limit: limit(), newSecret: { _ in }))
  }
}
