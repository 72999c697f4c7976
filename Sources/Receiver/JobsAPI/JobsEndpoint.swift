internal import EventLoop
internal import HTTPServer
internal import HTTPWire
internal import Jobs
internal import ReplicateAPI
internal import Store

/// The jobs API: what the app and operators ask. It only reads.
final class JobsEndpoint {
  private let loop: EventLoop
  private let reader: StoreReader
  private let recorder: Recorder
  private let access: APIAccess
  private let lifecycle: Lifecycle
  private let metrics: Metrics

  init(
    loop: EventLoop, reader: StoreReader, recorder: Recorder, access: APIAccess, lifecycle: Lifecycle,
    metrics: Metrics
  ) {
    self.loop = loop
    self.reader = reader
    self.recorder = recorder
    self.access = access
    self.lifecycle = lifecycle
    self.metrics = metrics
  }

  /// Probes of a load balancer carry no token, and learn nothing but whether the daemon works.
  func authorize(_ head: RequestHead, for route: Route) throws(Problem) {
    guard route != .readiness else { return }
    try access.authorize(head)
  }

  func respond(to request: Request, _ route: Route) async throws(Problem) -> Response {
    switch route {
    case .job(let id): return try job(id, for: request.head)
    case .jobs: return try jobs(for: request.head)
    case .history(let id): return try history(of: id, for: request.head)
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
    let stored = try find(id)
    // The revision counts every change that the document can show.
    let tag = EntityTag(revision: stored.job.revision)
    guard !tag.isMatched(byIfNoneMatch: head.fields.all("if-none-match")) else {
      return Response(status: .notModified, fields: [("ETag", tag.text)])
    }
    let prediction = try prediction(of: stored)
    return Response(
      status: .ok, fields: [("Content-Type", "application/json"), ("ETag", tag.text)],
      body: JobDocument.whole(stored.job, prediction, body: stored.body))
  }

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
    guard let found else {
      throw Problem(.notFound, .jobNotFound, "no delivery of a job with this id has been received")
    }
    return found
  }

  /// SQLite does not sum what it stores: where the disk gives nothing (a read that ends early inside the file), it returns
  /// zeros, which JSON has nowhere. A body that could be recorded can be read again, so one that cannot be is damaged. To
  /// compare its digest would find the other damages too, for a tenth of what a read costs: `check` does.
  ///
  /// - Returns: nil where the provider has not said anything of the job yet.
  private func prediction(of stored: StoredJob) throws(Problem) -> Prediction? {
    guard let snapshot = stored.job.snapshot else { return nil }
    guard let prediction = try? Prediction(body: stored.body.span),
      prediction.id == snapshot.predictionID
    else {
      throw .unavailable(
        .storeUnavailable, "the stored body is damaged: restore a backup, or ask Replicate for the prediction"
      )
    }
    return prediction
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
