internal import Ledger
internal import Bytes
internal import Crypto
internal import EventLoop
package import GroupCommit
internal import HTTPServer
package import HTTPWire
internal import JobRequests
internal import Jobs
internal import Observability
internal import Replicate
package import Routing
internal import StoreSeam
internal import Time

/// The part of the jobs API that writes: creating and canceling jobs.
///
/// A request is persisted before its 202. The scheduler's threads then make the calls to the provider.
package final class OrdersEndpoint {
  let views: JobViews
  private let access: APIAccess
  private let reads: JobReads
  private let recorder: Recorder
  private let metrics: JobsAPIMetrics
  let limits: Limits
  private let callbackCheck: CallbackCheck?
  private let keepsFiles: Bool
  private let wakeScheduler: @Sendable () -> Void
  private let digest = RequestDigest()
  private var generator: KernelRandomness

  /// The limits of what can be ordered.
  package struct Limits: Sendable {
    /// Whether there is a token for the provider's API.
    package let isConfigured: Bool
    package let maxBodyBytes: Int
    /// The maximum number of orders that wait to be sent.
    package var maxQueued: Int { readMaxQueued() }
    private let readMaxQueued: @Sendable () -> Int

    /// - Parameters:
    ///   - maxBodyBytes: the listener's own limit.
    ///   - maxQueued: may change while the daemon runs.
    package init(
      isConfigured: Bool, maxBodyBytes: Int, maxQueued: @autoclosure @escaping @Sendable () -> Int
    ) {
      self.isConfigured = isConfigured
      self.maxBodyBytes = maxBodyBytes
      readMaxQueued = maxQueued
    }

    package func requireConfiguration() throws(Problem) {
      guard !isConfigured else { return }
      throw Problem(
        .notImplemented, .notConfigured,
        "this daemon has no token for Replicate's API: set REPLICATE_API_TOKEN and start it again")
    }
  }

  /// The largest input fits in twice. A row of the database holds it.
  static let maxRequestBytes = 2 * PredictionRequest.maxInputBytes
  /// The body of a cancel request means nothing, but some clients send one.
  private static let maxCancelBytes = 1024
  private static let maxKeyBytes = 255

  /// - Parameters:
  ///   - callbackCheck: refuses a request's `callback`; nil where nothing is sent to apps.
  ///   - keepsFiles: whether the files of outputs can be kept.
  ///   - wakeScheduler: called when there is a new order or cancel request.
  package init(
    views: JobViews, access: APIAccess, reads: JobReads, recorder: Recorder, metrics: JobsAPIMetrics,
    limits: Limits, callbackCheck: CallbackCheck? = nil, keepsFiles: Bool = false,
    wakeScheduler: @escaping @Sendable () -> Void
  ) {
    self.views = views
    generator = KernelRandomness(views.loop.kernel)
    self.access = access
    self.reads = reads
    self.recorder = recorder
    self.metrics = metrics
    self.limits = limits
    self.callbackCheck = callbackCheck
    self.keepsFiles = keepsFiles
    self.wakeScheduler = wakeScheduler
  }

  package var routes: [Route] {
    [
      Route(
        .post, "/jobs", name: "jobs", summary: "Creates a job.", access: access.changing,
        maxBodyBytes: maxRequestBytes, admit: admitCreation, respond: create
      ).diverting(to: waitingCreation) { JobWait(preferredBy: $0.fields) != nil },
      Route(
        .post, "/jobs/{id}/cancel", name: "cancel", summary: "Cancels a job.", access: access.changing,
        maxBodyBytes: min(limits.maxBodyBytes, Self.maxCancelBytes), admit: admitCancellation,
        respond: cancel),
      Route(
        .post, "/jobs/{id}/retry", name: "retry", summary: "Creates a job with the request of an ended one.",
        access: access.changing, maxBodyBytes: min(limits.maxBodyBytes, Self.maxRequestBytes),
        admit: admitRetry, respond: retry),
    ]
  }
}

// MARK: - Creating

extension OrdersEndpoint {
  /// Checks the header section of a request to create a job.
  ///
  /// - Returns: its `Idempotency-Key`.
  private func admitCreation(_ head: RequestHead) throws(Problem) -> String? {
    try limits.requireConfiguration()
    guard head.bodyFraming != .none else {
      throw Problem(
        .lengthRequired, .lengthRequired, "a request for a job has a body and declares its length")
    }
    try head.requireJSON()
    try head.requireIdentityCoding()
    return try Self.idempotencyKey(of: head)
  }

  private func create(_ request: RoutedRequest<String?>) async throws(Problem) -> Response {
    let created = try await create(request.body, of: request.head, idempotencyKey: request.admitted)
    return try response(created.status, created.view, created.request)
  }

  private func create(
    _ body: [UInt8], of head: RequestHead, idempotencyKey: String?
  ) async throws(Problem) -> (status: Status, view: JobView, request: PredictionRequest) {
    _ = try QueryParameters(head.target, allowing: [])
    let request = try Self.parse(body)
    let (status, view) = try await enqueue(try order(request, body: body, idempotencyKey: idempotencyKey))
    return (status, view, request)
  }

  func enqueue(_ order: Order) async throws(Problem) -> (status: Status, view: JobView) {
    let maxQueued = limits.maxQueued
    let result = await recorder.write { (transaction) throws(StorageError) in
      try transaction.enqueue(order, maxQueued: maxQueued)
    }
    switch try result.value() {
    case .created(let job, _):
      metrics.createdJobs.add()
      wakeScheduler()
      return (.accepted, try await views.view(job.id))
    case .known(let job):
      return (.ok, try await views.view(job.id))
    case .conflict(let isOfKey, let earlier):
      throw .otherRequest(isOfKey: isOfKey, order.request, than: earlier)
    case .queueFull: throw .queueFull
    }
  }

  private var maxRequestBytes: Int { min(limits.maxBodyBytes, Self.maxRequestBytes) }

  /// Creating a job and waiting for its end: `Prefer: wait`.
  private var waitingCreation: Route {
    let admitted = access.changing.parsing { [self] head throws(Problem) in
      (key: try admitCreation(head), wait: JobWait(preferredBy: head.fields))
    }
    return Route(
      .post, "/jobs", name: "jobs", summary: "Creates a job and waits for its end.", access: admitted,
      maxBodyBytes: maxRequestBytes
    ) { [self] stream throws(StreamFailure) in
      let (status, id): (Status, String)
      let body = try await stream.request.body.readAll()
      do throws(Problem) {
        let created = try await create(body, of: stream.request.head, idempotencyKey: stream.admitted.key)
        (status, id) = (created.status, created.view.record.job.id)
      } catch {
        return stream.refuse(error)
      }
      let result = try await reads.view(id, after: stream.admitted.wait, for: stream.request, as: .api)
      do throws(Problem) {
        var response = try response(status, try result.get())
        if let wait = stream.admitted.wait {
          response.fields.append(("Preference-Applied", "wait=\(wait.duration.components.seconds)"))
        }
        return .whole(response)
      } catch {
        return stream.refuse(error)
      }
    }
  }

  private static func parse(_ body: [UInt8]) throws(Problem) -> PredictionRequest {
    do throws(PredictionRequestError) {
      return try PredictionRequest(body: body.span)
    } catch {
      throw Problem(error)
    }
  }

  func order(
    _ request: PredictionRequest, body: [UInt8], idempotencyKey: String?, retryOf: String? = nil
  ) throws(Problem) -> Order {
    if let callback = request.callback { try callbackCheck.apply(to: callback) }
    if let mode = request.archive, mode != .off, !keepsFiles {
      throw Problem(
        .unprocessableContent, .invalidRequest,
        "`archive`: this daemon keeps no files; leave the member out, and fetch them yourself")
    }
    return Order(
      request, body: body, id: JobID.make(using: &generator), at: views.now, idempotencyKey: idempotencyKey,
      retryOf: retryOf, digest: digest)
  }

  /// The field of draft-ietf-httpapi-idempotency-key-header, with its quotes if it has some.
  package static func idempotencyKey(of head: RequestHead) throws(Problem) -> String? {
    switch head.fields.single("idempotency-key") {
    case .none: return nil
    case .one(let key)
    where (1...maxKeyBytes).contains(key.utf8.count) && key.utf8.allSatisfy(\.isVisible):
      return key
    case .one, .repeated:
      throw Problem(
        .badRequest, .invalidParameter,
        "Idempotency-Key is given once, as 1 to \(maxKeyBytes) visible ASCII characters")
    }
  }
}

// MARK: - Canceling

extension OrdersEndpoint {
  /// Checks the header section of a cancel request.
  private func admitCancellation(_ head: RequestHead) throws(Problem) {
    try limits.requireConfiguration()
    guard head.bodyFraming != .none, head.bodyFraming != .length(0) else { return }
    try head.requireJSON()
    try head.requireIdentityCoding()
  }

  private func cancel(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let (id, now) = (request.path["id"], views.now)
    let result = await recorder.write { (transaction) throws(StorageError) in
      try transaction.cancel(id, at: now)
    }
    switch try result.value() {
    case .noSuchJob: throw .jobNotFound
    case .ended(let job): return try response(.ok, try await views.view(job.id))
    case .held:
      throw Problem(
        .conflict, .conflict,
        "the prediction has succeeded, and the job ends once its files are stored: there is nothing to cancel"
      )
    case .requested(let job):
      wakeScheduler()
      return try response(.accepted, try await views.view(job.id))
    }
  }
}

// MARK: - The steps of both

extension OrdersEndpoint {
  /// The job after a change, and its location.
  func response(
    _ status: Status, _ view: JobView, _ request: PredictionRequest? = nil
  ) throws(Problem) -> Response {
    Response(
      status: status,
      fields: [
        ("Content-Type", "application/json"),
        ("Location", "/jobs/\(PercentEncoding.encode(view.record.job.id))"), ("ETag", view.tag.text),
      ],
      body: try views.document(of: view, request))
  }
}

extension RequestHead {
  /// RFC 9110 section 8.3: parameters, such as a charset, follow the media type.
  package func requireJSON() throws(Problem) {
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
