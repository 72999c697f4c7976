internal import HTTPServer
internal import HTTPWire
internal import Jobs
package import Routing
internal import StoreSeam
internal import Time

/// The part of the jobs API that reads. ``OrdersEndpoint`` is the part that writes.
package final class JobsEndpoint {
  private let views: JobViews
  private let access: APIAccess
  private let reads: JobReads

  package init(views: JobViews, access: APIAccess, reads: JobReads) {
    self.views = views
    self.access = access
    self.reads = reads
  }

  package var routes: [Route] {
    [
      Route(
        .get, "/jobs", name: "jobs", summary: "Lists jobs, newest first.", access: access.reading,
        respond: list),
      Route(
        .get, "/jobs/{id}", name: "job", summary: "Shows a job, by its own id or its prediction's.",
        access: .readToken, admitting: admitRead
      ).diverting(to: waitingRead) { JobWait.isNamed(in: $0.target) },
      Route(
        .get, "/jobs/{id}/history", name: "history", summary: "Lists what has changed a job, oldest first.",
        access: access.reading, respond: history),
      Route(
        .get, "/jobs/{id}/logs", name: "logs", summary: "Returns all logs of a job as plain text.",
        access: access.reading, respond: logs),
    ]
  }
}

// MARK: - One job

extension JobsEndpoint {
  private var waitingRead: Route {
    Route(
      .get, "/jobs/{id}", name: "job", summary: "Shows a job after its next change.",
      access: access.readingJob.parsing { head, reader throws(Problem) in
        (reader, try JobWait(head.target, allowing: reader.parameters))
      }
    ) { [reads] stream throws(StreamFailure) in
      let (reader, wait) = stream.admitted
      return try await reads.response(to: stream, for: stream.path["id"], after: wait, as: reader)
    }
  }

  private func admitRead(
    _ head: RequestHead, _ path: PathParameters
  ) throws(Problem) -> Route.Responder {
    switch try access.authorizeJob(head, path) {
    case .api: { request async throws(Problem) in try await self.job(request, for: .api) }
    case let holder: { request async throws(Problem) in try await self.job(request, for: holder) }
    }
  }

  private func job(
    _ request: RoutedRequest<Void>, for reader: JobReader
  ) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: reader.parameters)
    do throws(Problem) {
      let view = try await views.view(request.path["id"])
      var response = try response(to: request.head, view) { view throws(Problem) in
        Response(
          status: .ok, fields: [("Content-Type", "application/json"), ("ETag", view.tag.text)],
          body: try views.document(of: view, scope: reader.scope))
      }
      if reader.scope != .full { response.fields += reader.fields }
      return response
    } catch {
      throw reader.refusal(of: error)
    }
  }

  /// All logs, decoded. With `nosniff`, because a browser must not interpret a model's text as a page.
  private func logs(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let view = try await views.view(request.path["id"])
    return try response(to: request.head, view) { view throws(Problem) in
      Response(
        status: .ok,
        fields: [
          ("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"),
          ("ETag", view.tag.text),
        ],
        body: JobDocument.logs(try views.parts(of: view.record), body: view.record.body))
    }
  }

  /// What `make` returns, or 304 if the client has that already.
  private func response(
    to head: RequestHead, _ view: JobView, _ make: (JobView) throws(Problem) -> Response
  ) throws(Problem) -> Response {
    guard !view.tag.isMatched(byIfNoneMatch: head.fields.all("if-none-match")) else {
      return Response(status: .notModified, fields: [("ETag", view.tag.text)])
    }
    return try make(view)
  }

  private func history(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    let query = try QueryParameters(request.head.target, allowing: ["after", "limit"])
    let after = try query.number("after", in: 0...Int64.max) ?? 0
    let limit = Int(try query.number("limit", in: 1...1000) ?? 200)
    let id = request.path["id"]
    let found = try await views.read { (reader) throws(StorageError) in
      try await reader.history(ofJob: id, after: after, limit: limit)
    }
    guard let history = found else { throw .jobNotFound }
    return .json(JobDocument.history(history, isPartial: history.entries.count == limit))
  }
}

// MARK: - Many jobs

extension JobsEndpoint {
  private func list(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    let query = try QueryParameters(
      request.head.target, allowing: ListQuery.names + ListTimes.names + ["after", "limit"],
      prefix: ListQuery.prefix)
    let list = try ListQuery(query)
    let times = try ListTimes(query, at: views.now)
    let before = try query.number("after", in: 1...Int64.max)
    let limit = try query.number("limit", in: 1...500) ?? (list.filter.ids == nil ? 50 : 100)
    let page = try await views.read { (reader) throws(StorageError) in
      let (filter, before) = try await times.bounds(of: list.filter, before: before, in: reader)
      return try await reader.jobs(
        matching: filter, before: before, limit: Int(limit), including: list.parts)
    }
    var rows: [[UInt8]] = []
    let members = try await views.members(of: page.rows)
    for row in page.rows {
      rows.append(try views.document(of: row, including: list.parts, adding: members))
    }
    return .json(JobDocument.list(rows, next: page.next))
  }
}
