internal import Bytes
package import EventLoop
package import GroupCommit
package import HTTPServer
package import HTTPWire
internal import Jobs
package import Observability
internal import Replicate
package import Routing
package import Scheduler
package import Store
package import System
internal import Time

/// The jobs API: what the app and operators ask. It only reads; what changes something is its ``OrdersEndpoint``'s work.
package final class JobsEndpoint {
  private let loop: EventLoop
  private let reader: StoreReader
  private let recorder: Recorder
  private let orders: OrdersEndpoint
  private let pace: CreationPace
  private let access: APIAccess
  private let lifecycle: Lifecycle
  private let metrics: Metrics

  package init(
    loop: EventLoop, reader: StoreReader, recorder: Recorder, orders: OrdersEndpoint, pace: CreationPace,
    access: APIAccess,
    lifecycle: Lifecycle, metrics: Metrics
  ) {
    self.loop = loop
    self.reader = reader
    self.recorder = recorder
    self.orders = orders
    self.pace = pace
    self.access = access
    self.lifecycle = lifecycle
    self.metrics = metrics
  }

  /// What the header section alone decides.
  ///
  /// - Returns: how large the body may be.
  package func admit(_ head: RequestHead, for route: Route) throws(Problem) -> Int {
    switch route {
    case .jobs:
      try head.requireMethod(among: [.get, .head, .post])
      guard head.method == .post else { break }
      try access.authorizeChange(head)
      return try orders.admitPlacement(head)
    case .cancel:
      try head.requireMethod(among: [.post])
      try access.authorizeChange(head)
      return try orders.admitCancellation(head)
    default:
      try head.requireMethod(among: [.get, .head])
    }
    // Probes of a load balancer carry no token, and learn nothing but whether the daemon works.
    if route != .readiness { try access.authorize(head) }
    return 0
  }

  package func respond(to request: Request, _ route: Route) async throws(Problem) -> Response {
    switch route {
    case .job(let id): return try job(id, for: request.head)
    case .jobs where request.head.method == .post: return try await place(request)
    case .cancel(let id): return try await cancel(id, for: request.head)
    case .usage: return try usage(for: request.head)
    case .jobs: return try jobs(for: request.head)
    case .history(let id): return try history(of: id, for: request.head)
    case .logs(let id): return try logs(of: id, for: request.head)
    case .readiness: return try await readiness()
    case .metrics:
      return Response(
        status: .ok, fields: [("Content-Type", PrometheusText.mediaType)],
        body: Array(PrometheusText.render(metrics).utf8))
    case .webhook, .liveness, .server: throw .notFound
    }
  }
}

// MARK: - Answers

extension JobsEndpoint {
  private func job(_ id: String, for head: RequestHead) throws(Problem) -> Response {
    _ = try QueryParameters(head.target, allowing: [])
    let (stored, order, next) = try findWithOrder(id)
    // The revision counts every change that the document can show.
    let tag = EntityTag(of: stored.job, JobDocument.shown(order, of: stored.job), next)
    guard !tag.isMatched(byIfNoneMatch: head.fields.all("if-none-match")) else {
      return Response(status: .notModified, fields: [("ETag", tag.text)])
    }
    let parts = try parts(of: stored)
    return Response(
      status: .ok, fields: [("Content-Type", "application/json"), ("ETag", tag.text)],
      body: JobDocument.whole(
        stored.job, parts, body: stored.body, order: order, next, attempts: try attempts(of: stored, order)))
  }

  /// All logs, decoded. A browser must not take a model's text for a page: hence `nosniff`.
  private func logs(of id: String, for head: RequestHead) throws(Problem) -> Response {
    _ = try QueryParameters(head.target, allowing: [])
    let (stored, order, next) = try findWithOrder(id)
    let tag = EntityTag(of: stored.job, JobDocument.shown(order, of: stored.job), next)
    guard !tag.isMatched(byIfNoneMatch: head.fields.all("if-none-match")) else {
      return Response(status: .notModified, fields: [("ETag", tag.text)])
    }
    return Response(
      status: .ok,
      fields: [
        ("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"),
        ("ETag", tag.text),
      ],
      body: JobDocument.logs(try parts(of: stored), body: stored.body))
  }

  private func place(_ request: Request) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let (id, isNew) = try await orders.place(request)
    return try document(of: id, as: isNew ? .accepted : .ok)
  }

  private func cancel(_ id: String, for head: RequestHead) async throws(Problem) -> Response {
    _ = try QueryParameters(head.target, allowing: [])
    let (found, hasEnded) = try await orders.cancel(id)
    return try document(of: found, as: hasEnded ? .ok : .accepted)
  }

  /// The job after a change, and where it is found from now on.
  private func document(of id: String, as status: Status) throws(Problem) -> Response {
    let (stored, order, next) = try findWithOrder(id)
    let tag = EntityTag(of: stored.job, JobDocument.shown(order, of: stored.job), next)
    let parts = try parts(of: stored)
    return Response(
      status: status,
      fields: [
        ("Content-Type", "application/json"), ("Location", "/jobs/\(PercentEncoding.encode(id))"),
        ("ETag", tag.text),
      ],
      body: JobDocument.whole(
        stored.job, parts, body: stored.body, order: order, next, attempts: try attempts(of: stored, order)))
  }

  private func usage(for head: RequestHead) throws(Problem) -> Response {
    let query = try QueryParameters(head.target, allowing: ["from", "to"])
    let today = CalendarDay(of: Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds))
    let end = try query.day("to") ?? today
    let start = try query.day("from") ?? end.advanced(by: 1 - Self.usualDays)
    guard start <= end, end.number - start.number < Self.mostDays else {
      throw Problem(
        .badRequest, .invalidParameter,
        "`from` comes before `to`, at most \(Self.mostDays) days with both; without them, the last \(Self.usualDays)"
      )
    }
    let rows = try reading { () throws(StoreError) in try reader.usage(on: start.number...end.number) }
    return .json(UsageDocument.render(rows, on: start...end))
  }

  private static let usualDays: Int64 = 30
  private static let mostDays: Int64 = 366

  private func jobs(for head: RequestHead) throws(Problem) -> Response {
    let query = try QueryParameters(head.target, allowing: ["state", "model", "after", "limit"])
    let filter = JobFilter(state: try query.choice("state"), model: query["model"])
    let before = try query.number("after", in: 1...Int64.max)
    let limit = try query.number("limit", in: 1...500) ?? 50
    let page = try reading { () throws(StoreError) in
      try reader.jobs(matching: filter, before: before, limit: Int(limit))
    }
    return .json(JobDocument.list(page.jobs, next: page.next))
  }

  private func history(of id: String, for head: RequestHead) throws(Problem) -> Response {
    let query = try QueryParameters(head.target, allowing: ["after", "limit"])
    let after = try query.number("after", in: 0...Int64.max) ?? 0
    let limit = Int(try query.number("limit", in: 1...1000) ?? 200)
    let stored = try find(id)
    let (entries, counts) = try reading { () throws(StoreError) in
      (
        try reader.history(ofJob: stored.number, after: after, limit: limit),
        try reader.outcomeCounts(ofJob: stored.number)
      )
    }
    return .json(
      JobDocument.history(of: stored.job, entries, counts: counts, isPartial: entries.count == limit))
  }

  private func readiness() async throws(Problem) -> Response {
    guard !lifecycle.isDraining else {
      throw Problem(.serviceUnavailable, .draining, "the daemon is stopping")
    }
    try reading { () throws(StoreError) in try reader.ping() }
    guard await recorder.isReady() else {
      throw Problem(.serviceUnavailable, .storeUnavailable, "the store cannot be written")
    }
    return .json(Array(#"{"status":"ready"}"#.utf8))
  }

  private func find(_ id: String) throws(Problem) -> StoredJob {
    let found = try reading { () throws(StoreError) in try reader.job(id) }
    guard let found else { throw .jobNotFound }
    return found
  }

  /// SQLite does not sum what it stores: where the disk gives nothing (a read that ends early inside the file), it returns
  /// zeros, which JSON has nowhere. A body that could be recorded can be read again, so one that cannot be is damaged. To
  /// compare its digest would find the other damages too, for a tenth of what a read costs: `check` does.
  ///
  /// - Returns: nil where the provider has not said anything of the job yet.
  private func parts(of stored: StoredJob) throws(Problem) -> PredictionParts? {
    guard let snapshot = stored.job.snapshot else { return nil }
    let parts = PredictionParts(
      keptBody: stored.body.span, id: snapshot.predictionID, status: snapshot.providerStatus)
    guard let parts else {
      throw .unavailable(
        .storeUnavailable, "the stored body is damaged: restore a backup, or ask Replicate for the prediction"
      )
    }
    return parts
  }

  /// What a job that was created here has tried in vain. Most have one prediction, and need not be looked up.
  private func attempts(of stored: StoredJob, _ order: StoredOrder?) throws(Problem) -> [PastAttempt] {
    guard let order, stored.job.attempt > 1 || order.refusals > 0 || order.stage == .ended else { return [] }
    return try reading { () throws(StoreError) in try reader.attempts(ofJob: stored.number) }
  }

  private func findWithOrder(_ id: String) throws(Problem) -> (StoredJob, StoredOrder?, NextTry?) {
    let stored = try find(id)
    // Of a job that was not created here, only a wish to cancel it can be shown, until it has ended.
    guard stored.job.origin != nil || !stored.job.phase.isTerminal else { return (stored, nil, nil) }
    let order = try reading { () throws(StoreError) in try reader.order(ofJob: stored.number) }
    guard let order, !stored.job.phase.isTerminal else { return (stored, order, nil) }
    return (stored, order, try nextTry(of: order))
  }

  /// Orders before this one that are counted: beyond them it is certainly not soon.
  private static let maxCounted = 10_000

  private func nextTry(of order: StoredOrder) throws(Problem) -> NextTry {
    let now = Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds)
    guard order.stage == .queued, let due = order.dueAt, due <= now else {
      return NextTry(of: order, at: now, pace: pace.state, queuedBefore: 0)
    }
    let count = try reading { () throws(StoreError) in
      try reader.queuedOrders(before: due, limit: Self.maxCounted)
    }
    return NextTry(of: order, at: now, pace: pace.state, queuedBefore: count)
  }

  private func reading<Result>(_ body: () throws(StoreError) -> Result) throws(Problem) -> Result {
    do throws(StoreError) {
      return try body()
    } catch {
      throw .unavailable(.storeUnavailable, "the store could not be read", reason: "\(error)")
    }
  }
}

extension Response {
  fileprivate static func json(_ body: [UInt8]) -> Response {
    Response(status: .ok, fields: [("Content-Type", "application/json")], body: body)
  }
}
