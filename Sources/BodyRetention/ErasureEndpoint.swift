internal import EventLoop
internal import GroupCommit
internal import HTTPWire
internal import JSONText
internal import Jobs
internal import JobsAPI
internal import Observability
internal import Routing
internal import StoreSeam
internal import Time

/// `DELETE /jobs/{id}?erase=bodies` and `DELETE /jobs?…&erase=bodies`.
final class ErasureEndpoint {
  private let views: JobViews
  private let access: APIAccess
  private let recorder: Recorder
  private let erasedJobs: Counter

  /// Jobs of one transaction, which deliveries wait for.
  private static let batchSize = 20
  /// Between two transactions, for deliveries.
  private static let pause = Duration.milliseconds(10)
  /// After it a request is answered, although more jobs match.
  private static let maxDuration = Duration.seconds(10)

  private static let parameter = "erase"

  init(_ api: APIContext, erasedJobs: Counter) {
    views = api.views
    access = api.access
    recorder = api.recorder
    self.erasedJobs = erasedJobs
  }

  var routes: [Route] {
    let isNamed = { (head: RequestHead) in
      head.target.hasQuery
        && head.target.queryParameters?.contains { $0.name == Self.parameter } == true
    }
    return [
      Route(
        .delete, "/jobs/{id}", name: "delete", summary: "Erases the input, output and logs of a job.",
        access: access.changing, respond: eraseJob
      ).variant(where: isNamed),
      Route(
        .delete, "/jobs", name: "erase", summary: "Erases those of all jobs that match a filter.",
        access: access.changing, respond: eraseJobs
      ).variant(where: isNamed),
    ]
  }

  private static func requireBodies(_ query: QueryParameters) throws(Problem) {
    enum Choice: String, CaseIterable { case bodies }
    let choice: Choice? = try query.choice(parameter)
    guard choice == nil else { return }
    throw QueryParameters.invalid("`erase=bodies` erases input, output and logs, and keeps the jobs")
  }

  private func erase(_ jobs: [(number: Int64, id: String)]) async throws(Problem) -> [BodyErasure] {
    let now = views.now
    let committed = await recorder.write { (transaction) throws(StorageError) in
      var results: [BodyErasure] = []
      for job in jobs { results.append(try transaction.eraseBodies(ofJob: job.number, id: job.id, at: now)) }
      return results
    }
    let results = try committed.value()
    erasedJobs.add(results.count { $0 == .erased })
    return results
  }
}

// MARK: - One job

extension ErasureEndpoint {
  private func eraseJob(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    try Self.requireBodies(try QueryParameters(request.head.target, allowing: [Self.parameter]))
    let name = request.path["id"]
    let found = try await views.read { (reader) throws(StorageError) in try await reader.job(name) }
    guard let found else { throw .jobNotFound }
    switch try await erase([(found.number, found.job.id)]).first {
    case .erased, .known: return Response(status: .noContent, fields: [], body: [])
    case .open: throw Self.conflict("the job has not ended: wait for its end, or cancel it")
    case .needed:
      throw Self.conflict("a workflow that has not ended reads the job: wait for its end, or cancel it")
    case .notFound, nil: throw .jobNotFound
    }
  }

  private static func conflict(_ detail: String) -> Problem { Problem(.conflict, .conflict, detail) }
}

// MARK: - Many jobs

extension ErasureEndpoint {
  /// What one request has done.
  private struct Summary {
    var erased = 0
    var open = 0
    var needed = 0
    /// Whether every job that matched was looked at.
    var isComplete = false

    mutating func add(_ results: [BodyErasure]) {
      for result in results {
        switch result {
        case .erased, .known: erased += 1
        case .open: open += 1
        case .needed: needed += 1
        case .notFound: break
        }
      }
    }

    var document: [UInt8] {
      var writer = JSONWriter(capacity: 128)
      writer.object { object in
        object.member("erased", integer: erased)
        object.member("open", integer: open)
        object.member("needed", integer: needed)
        object.member("complete", bool: isComplete)
      }
      writer.raw([UInt8(ascii: "\n")])
      return writer.bytes
    }
  }

  private func eraseJobs(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    let query = try QueryParameters(
      request.head.target, allowing: ["state", "model", "ids", Self.parameter], prefix: ListQuery.prefix)
    try Self.requireBodies(query)
    let filter = try ListQuery(query).filter
    guard filter != JobFilter() else {
      throw Problem(
        .unprocessableContent, .invalidRequest,
        "name the jobs whose bodies are erased: metadata.KEY=VALUE, state, model or ids")
    }
    var summary = Summary()
    var before: Int64?
    let deadline = views.loop.kernel.monotonicTime + Self.maxDuration
    repeat {
      let position = before
      let page = try await views.read { (reader) throws(StorageError) in
        try await reader.jobs(matching: filter, before: position, limit: Self.batchSize)
      }
      let jobs = page.rows.map { (number: $0.number, id: $0.job.id) }
      if !jobs.isEmpty { summary.add(try await erase(jobs)) }
      guard let next = page.next else {
        summary.isComplete = true
        break
      }
      before = next
      guard await views.loop.pause(for: Self.pause) else { break }
    } while views.loop.kernel.monotonicTime < deadline
    return .json(summary.document)
  }
}
