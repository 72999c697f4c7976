internal import EventLoop
internal import GroupCommit
internal import HTTPWire
internal import JSONText
internal import Jobs
internal import JobsAPI
internal import StoreSeam
internal import Observability
internal import Routing
internal import Time

/// `DELETE /jobs/{id}` and `DELETE /jobs`.
final class DeletionEndpoint {
  private let views: JobViews
  private let access: APIAccess
  private let recorder: Recorder
  /// Whether there is a token for the provider's API, without which nothing is canceled.
  private let isConfigured: Bool
  private let tombstoneTime: Int64
  private let deletedJobs: Counter
  private let wakeScheduler: @Sendable () -> Void
  private let wake: @Sendable () -> Void

  /// Jobs that one transaction deletes, which deliveries wait for.
  private static let batchSize = 50
  /// Between two transactions, for deliveries.
  private static let pause = Duration.milliseconds(10)
  /// After it a request is answered, although more jobs match.
  private static let maxDuration = Duration.seconds(10)

  /// - Parameter wake: called when there is a new pending deletion.
  init(_ api: APIContext, tombstoneTime: Int64, deletedJobs: Counter, wake: @escaping @Sendable () -> Void) {
    views = api.views
    access = api.access
    recorder = api.recorder
    isConfigured = api.limits.isConfigured
    wakeScheduler = api.wakeScheduler
    self.tombstoneTime = tombstoneTime
    self.deletedJobs = deletedJobs
    self.wake = wake
  }

  var routes: [Route] {
    [
      Route(
        .delete, "/jobs/{id}", name: "delete", summary: "Deletes a job that has ended.",
        access: access.changing, respond: deleteJob),
      Route(
        .delete, "/jobs", name: "erase", summary: "Deletes all jobs that match a filter.",
        access: access.changing, respond: erase),
    ]
  }

  private static func cancels(_ query: QueryParameters) throws(Problem) -> Bool {
    enum Choice: String, CaseIterable { case `true`, `false` }
    let choice: Choice? = try query.choice("cancel")
    return choice == .true
  }

  private static let notConfigured = Problem(
    .notImplemented, .notConfigured,
    "an open job cannot be canceled: set REPLICATE_API_TOKEN and start the daemon again")
}

// MARK: - One job

extension DeletionEndpoint {
  private func deleteJob(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    let cancels = try Self.cancels(try QueryParameters(request.head.target, allowing: ["cancel"]))
    let record = try await record(request.path["id"])
    try await views.refuse(.deletion, of: record.number, id: record.job.id)
    let isOpen = !record.job.phase.isTerminal
    guard !isOpen || !cancels || isConfigured else { throw Self.notConfigured }
    let job = PendingDeletion(number: record.number, id: record.job.id)
    switch try await commitDeletion(of: [job], cancels: cancels).first {
    case .canceling: return Response(status: .accepted, fields: [], body: [])
    case .deleted, nil: return Response(status: .noContent, fields: [], body: [])
    case .open:
      // Another request may have deleted it meanwhile.
      _ = try await self.record(job.id)
      throw Problem(
        .conflict, .conflict,
        "the job has not ended: wait for its end, or let ?cancel=true cancel it and delete it then")
    }
  }

  private func record(_ id: String) async throws(Problem) -> JobRecord {
    let found = try await views.read { (reader) throws(StorageError) in try await reader.job(id) }
    guard let found else { throw .jobNotFound }
    return found
  }

  /// Commits the deletion of a batch of jobs.
  private func commitDeletion(
    of jobs: [PendingDeletion], cancels: Bool
  ) async throws(Problem) -> [DeletionResult] {
    let now = views.now
    let expiresAt = now.advanced(byMilliseconds: tombstoneTime)
    let committed = await recorder.write { (transaction) throws(StorageError) in
      var results: [DeletionResult] = []
      for job in jobs {
        results.append(
          try transaction.requestDeletion(job, cancels: cancels, at: now, tombstoneUntil: expiresAt))
      }
      return results
    }
    let results = try committed.value()
    deletedJobs.add(results.count { $0 == .deleted })
    if results.contains(.canceling) {
      wakeScheduler()
      wake()
    }
    return results
  }
}

// MARK: - Many jobs

extension DeletionEndpoint {
  /// What one request has done.
  private struct Erasure {
    var deleted = 0
    var canceling = 0
    var open = 0
    /// Whether every job that matched was looked at.
    var isComplete = false

    mutating func add(_ results: [DeletionResult]) {
      for result in results {
        switch result {
        case .deleted: deleted += 1
        case .canceling: canceling += 1
        case .open: open += 1
        }
      }
    }

    var document: [UInt8] {
      var writer = JSONWriter(capacity: 128)
      writer.object { object in
        object.member("deleted", integer: deleted)
        object.member("canceling", integer: canceling)
        object.member("open", integer: open)
        object.member("complete", bool: isComplete)
      }
      writer.raw([UInt8(ascii: "\n")])
      return writer.bytes
    }
  }

  private func erase(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    let query = try QueryParameters(
      request.head.target, allowing: ["state", "model", "ids", "cancel"], prefix: ListQuery.prefix)
    let filter = try ListQuery(query).filter
    guard filter != JobFilter() else {
      throw Problem(
        .unprocessableContent, .invalidRequest,
        "name the jobs to delete: metadata.KEY=VALUE, state, model or ids")
    }
    let cancels = try Self.cancels(query)
    guard !cancels || isConfigured else { throw Self.notConfigured }
    let erasure = try await erase(filter, cancels: cancels)
    return Response(
      status: erasure.canceling == 0 ? .ok : .accepted, fields: [("Content-Type", "application/json")],
      body: erasure.document)
  }

  private func erase(_ filter: JobFilter, cancels: Bool) async throws(Problem) -> Erasure {
    var erasure = Erasure()
    var before: Int64?
    let deadline = views.loop.kernel.monotonicTime + Self.maxDuration
    repeat {
      let position = before
      let page = try await views.read { (reader) throws(StorageError) in
        try await reader.jobs(matching: filter, before: position, limit: Self.batchSize)
      }
      let jobs = page.rows.map { PendingDeletion(number: $0.number, id: $0.job.id) }
      if !jobs.isEmpty { erasure.add(try await commitDeletion(of: jobs, cancels: cancels)) }
      guard let next = page.next else {
        erasure.isComplete = true
        break
      }
      before = next
      guard await views.loop.pause(for: Self.pause) else { break }
    } while views.loop.kernel.monotonicTime < deadline
    return erasure
  }
}
