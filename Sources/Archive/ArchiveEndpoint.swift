internal import GroupCommit
internal import HTTPWire
internal import Jobs
internal import JobsAPI
internal import KeptFiles
internal import Routing
internal import StoreSeam
internal import Tables

/// `POST /jobs/{id}/archive`, `DELETE /jobs/{id}/files` and `GET /archive`.
final class ArchiveEndpoint {
  private let api: APIContext
  private let runtime: ArchiveRuntime
  private let lookup: ArchiveLookup

  init(_ api: APIContext, _ runtime: ArchiveRuntime) {
    (self.api, self.runtime) = (api, runtime)
    lookup = ArchiveLookup(views: api.views)
  }

  var routes: [Route] {
    [
      Route(
        .get, "/archive", name: "archive", summary: "Shows how many files are kept, and how many wait.",
        access: api.access.reading, respond: status),
      Route(
        .post, "/jobs/{id}/archive", name: "keep-files", summary: "Keeps the files of a job that has ended.",
        access: api.access.changing, respond: keep),
      Route(
        .delete, "/jobs/{id}/files", name: "delete-files", summary: "Deletes the kept files of a job.",
        access: api.access.changing, respond: delete),
    ]
  }

  private func status(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let totals = try await api.views.read { (reader) throws(StorageError) in
      try await reader.rows(TableQuery(ArchiveTotalTable.declaration, limit: 1)).first
    }
    return .json(ArchiveDocument.status(totals, runtime))
  }

  private func keep(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let id = request.path["id"]
    let found = try await api.views.read { (reader) throws(StorageError) in try await reader.job(id) }
    guard let record = found else { throw .jobNotFound }
    let (sources, now) = (runtime.configuration.sources, api.views.now)
    let result = await api.recorder.write { (transaction) throws(StorageError) in
      try transaction.keepFiles(of: record, sources: sources, at: now)
    }
    let status: Status
    switch try result.value() {
    case .queued:
      runtime.wake()
      status = .accepted
    case .nothingToDo: status = .ok
    case .gone: throw .jobNotFound
    case .notEnded:
      throw Problem(
        .conflict, .notEnded,
        "the job has not ended, and its files are not known: wait for its end, or post `archive` with a job")
    }
    let document = try api.views.document(of: try await api.views.view(record.job.id))
    return Response(status: status, fields: [("Content-Type", "application/json")], body: document)
  }

  private func delete(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let (number, now) = (try await lookup.number(ofJob: request.path["id"]), api.views.now)
    let result = await api.recorder.write { (transaction) throws(StorageError) in
      try transaction.deleteFiles(ofJob: number, at: now)
    }
    // A job without files is not different from one whose files were deleted before.
    if try result.value() {
      runtime.cancelTransfers(ofJob: number)
    } else if let (job, files) = try await lookup.prunedFiles(ofJob: number) {
      let result = await api.recorder.write { (transaction) throws(StorageError) in
        try transaction.deletePrunedFiles(files, of: job, at: now)
      }
      if try result.value() > 0 { runtime.wake() }
    }
    return Response(status: .noContent)
  }
}
