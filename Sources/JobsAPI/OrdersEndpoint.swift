internal import Bytes
internal import Crypto
package import EventLoop
package import GroupCommit
internal import HTTPServer
internal import HTTPWire
internal import JobRequests
internal import Jobs
package import Observability
internal import Replicate
internal import Routing
internal import Store
internal import Time

/// What the app asks for: jobs to create, and jobs to cancel. Each wish is on disk before it is answered; what becomes of it
/// at the provider's is the affair of the threads that ask there.
package final class OrdersEndpoint {
  private let loop: EventLoop
  private let recorder: Recorder
  private let metrics: Metrics
  private let isConfigured: Bool
  private let bodyLimit: Int
  private let maxQueued: Int
  private let wakeProvider: @Sendable () -> Void
  private let sha256 = SHA256()
  private var generator = SystemRandomNumberGenerator()

  /// The largest body of a request: the largest input fits in twice. A row of the database holds it.
  private static let longestRequest = 2 * PredictionRequest.longestInput
  /// The body of a cancellation says nothing, but some clients send one.
  private static let longestCancellation = 1024
  private static let longestKey = 255

  /// - Parameters:
  ///   - isConfigured: there is a token for the provider's API.
  ///   - bodyLimit: the listener's own.
  ///   - maxQueued: orders that may wait to be sent.
  ///   - wakeProvider: tells the threads that ask the provider that there is something to do.
  package init(
    loop: EventLoop, recorder: Recorder, metrics: Metrics, isConfigured: Bool, bodyLimit: Int,
    maxQueued: Int, wakeProvider: @escaping @Sendable () -> Void
  ) {
    self.loop = loop
    self.recorder = recorder
    self.metrics = metrics
    self.isConfigured = isConfigured
    self.maxQueued = maxQueued
    self.bodyLimit = min(bodyLimit, Self.longestRequest)
    self.wakeProvider = wakeProvider
  }

  /// What the header section alone decides of a request for a job.
  ///
  /// - Returns: how large the body may be.
  func admitPlacement(_ head: RequestHead) throws(Problem) -> Int {
    try requireConfiguration()
    guard head.bodyFraming != .none else {
      throw Problem(.lengthRequired, .lengthRequired, "a request for a job has a body and says its length")
    }
    try head.requireJSON()
    try head.requireIdentityCoding()
    _ = try Self.idempotencyKey(of: head)
    return bodyLimit
  }

  /// The same of a cancellation.
  func admitCancellation(_ head: RequestHead) throws(Problem) -> Int {
    try requireConfiguration()
    guard head.bodyFraming != .none, head.bodyFraming != .length(0) else { return 0 }
    try head.requireJSON()
    try head.requireIdentityCoding()
    return min(bodyLimit, Self.longestCancellation)
  }

  /// Keeps a request for a job.
  ///
  /// - Returns: the job's id, and whether the job is new.
  func place(_ request: Request) async throws(Problem) -> (id: String, isNew: Bool) {
    let order = try order(from: request)
    let maxQueued = maxQueued
    let answer = await recorder.write { (transaction) throws(StoreError) in
      try transaction.enqueue(order, maxQueued: maxQueued)
    }
    switch try answer.value() {
    case .created(let job):
      metrics.createdJobs.add()
      wakeProvider()
      return (job.id, true)
    case .known(let job):
      return (job.id, false)
    case .conflict:
      throw Problem(
        .conflict, .conflict,
        "another request came before with this `id` or this Idempotency-Key: choose another")
    case .queueFull:
      throw Problem(
        .tooManyRequests, .queueFull,
        "as many jobs wait to be sent as MAX_QUEUED_ORDERS allows: send it again later",
        fields: [("Retry-After", "60")])
    }
  }

  /// Keeps the wish that a job be canceled.
  ///
  /// - Returns: the job's id, and whether it has ended, before or now.
  func cancel(_ id: String) async throws(Problem) -> (id: String, hasEnded: Bool) {
    let now = now
    let answer = await recorder.write { (transaction) throws(StoreError) in
      try transaction.cancel(id, at: now)
    }
    switch try answer.value() {
    case .noSuchJob: throw .jobNotFound
    case .ended(let job): return (job.id, true)
    case .requested(let job):
      wakeProvider()
      return (job.id, false)
    }
  }
}

// MARK: - The steps

extension OrdersEndpoint {
  private var now: Timestamp { Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds) }

  private func requireConfiguration() throws(Problem) {
    guard isConfigured else {
      throw Problem(
        .notImplemented, .notConfigured,
        "this daemon has no token for Replicate's API: set REPLICATE_API_TOKEN and start it again")
    }
  }

  private func order(from request: Request) throws(Problem) -> Order {
    let wanted: PredictionRequest
    do throws(PredictionRequestError) {
      wanted = try PredictionRequest(body: request.body.span)
    } catch {
      throw Problem(error)
    }
    return Order(
      id: wanted.id ?? JobID.make(using: &generator),
      idempotencyKey: try Self.idempotencyKey(of: request.head),
      digest: digest(of: request.body), request: request.body, model: wanted.model, createdAt: now,
      timeout: wanted.timeout.map { Int64($0) * 1000 }, retries: Int64(wanted.retries ?? 0))
  }

  private func digest(of body: [UInt8]) -> BodyDigest {
    guard let digest = BodyDigest(bytes: sha256.digest(of: body.span)) else {
      preconditionFailure("a SHA-256 of other than 32 bytes")
    }
    return digest
  }

  /// Of the field that draft-ietf-httpapi-idempotency-key-header describes; its quotes, if it has some, are a part of it.
  private static func idempotencyKey(of head: RequestHead) throws(Problem) -> String? {
    switch head.fields.single("idempotency-key") {
    case .none: return nil
    case .one(let key)
    where (1...longestKey).contains(key.utf8.count) && key.utf8.allSatisfy(\.isVisible):
      return key
    case .one, .repeated:
      throw Problem(
        .badRequest, .invalidParameter,
        "Idempotency-Key is given once, as 1 to \(longestKey) visible ASCII characters")
    }
  }
}

extension RequestHead {
  /// RFC 9110 section 8.3: parameters, such as a charset, follow the media type.
  fileprivate func requireJSON() throws(Problem) {
    if case .one(let value) = fields.single("content-type"),
      (value.split(separator: ";").first ?? "").trimmed.lowercased() == "application/json"
    {
      return
    }
    throw Problem(
      .unsupportedMediaType, .unsupportedMediaType, "send the body as Content-Type: application/json",
      fields: [("Accept", "application/json")])
  }
}
