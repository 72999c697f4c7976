internal import Observability
internal import Bytes
internal import EventLoop
internal import GroupCommit
internal import HTTPServer
internal import HTTPWire
internal import JSONText
internal import JobRequests
internal import JobsAPI
internal import Routing
internal import StoreSeam
internal import Tables
internal import Time
internal import WorkflowDefinitions
internal import WorkflowRecords
internal import WorkflowRules

/// The routes of workflows.
final class WorkflowRoutes {
  private let api: APIContext
  private let runtime: WorkflowRuntime
  private let reads: WorkflowReads
  private let streams: WorkflowStreams
  private var random: KernelRandomness

  private static let maxRequestBytes = WorkflowDefinition.maxBytes
  /// Of the bodies of cancel and resume requests.
  private static let maxChangeBytes = 1024
  /// Jobs that one transaction deletes, which deliveries wait for.
  static let batchSize = 50
  /// After it a deletion is answered, and goes on.
  private static let maxDuration = Duration.seconds(5)

  init(_ api: APIContext, _ runtime: WorkflowRuntime) {
    self.api = api
    self.runtime = runtime
    reads = WorkflowReads(views: api.views, runtime: runtime)
    streams = WorkflowStreams(api, reads)
    random = KernelRandomness(api.views.loop.kernel)
  }

  var routes: [Route] {
    let access = api.access
    let maxChangeBytes = min(api.limits.maxBodyBytes, Self.maxChangeBytes)
    return [
      Route(
        .post, "/workflows", name: "create-workflow", summary: "Creates a workflow.", access: access.changing,
        maxBodyBytes: min(api.limits.maxBodyBytes, Self.maxRequestBytes), admit: admitCreation,
        respond: create),
      Route(
        .get, "/workflows", name: "workflows", summary: "Lists workflows, newest first.",
        access: access.reading, respond: list),
      Route(
        .get, "/workflows/{id}", name: "workflow", summary: "Returns a workflow.", access: access.reading,
        respond: read),
      Route(
        .get, "/workflows/{id}/events", name: "workflow-events",
        summary: "Streams the states of a workflow, to its end.", access: access.streaming
      ) { [streams] stream throws(StreamFailure) in try await streams.respond(to: stream) },
      Route(
        .post, "/workflows/{id}/cancel", name: "cancel-workflow", summary: "Cancels a workflow.",
        access: access.changing, maxBodyBytes: maxChangeBytes, admit: admitChange, respond: cancel),
      Route(
        .post, "/workflows/{id}/resume", name: "resume-workflow",
        summary: "Runs what has not succeeded of an ended workflow again.", access: access.changing,
        maxBodyBytes: maxChangeBytes, admit: admitChange, respond: resume),
      Route(
        .delete, "/workflows/{id}", name: "delete-workflow", summary: "Deletes a workflow and its jobs.",
        access: access.changing, respond: delete),
    ]
  }
}

// MARK: - Creating

extension WorkflowRoutes {
  /// - Returns: the `Idempotency-Key`.
  private func admitCreation(_ head: RequestHead) throws(Problem) -> String? {
    try api.limits.requireConfiguration()
    guard head.bodyFraming != .none else {
      throw Problem(
        .lengthRequired, .lengthRequired, "a request for a workflow has a body and declares its length")
    }
    try head.requireJSON()
    try head.requireIdentityCoding()
    return try OrdersEndpoint.idempotencyKey(of: head)
  }

  private func create(_ request: RoutedRequest<String?>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let definition = try parse(request.body)
    let (digest, key, now) = (
      WorkflowDefinition.digest(of: request.body.span), request.admitted, api.views.now
    )
    let id = definition.id ?? WorkflowID.make(using: &random)
    let (maxQueued, context) = (api.limits.maxQueued, runtime.context)
    let result = await api.recorder.write { (transaction) throws(StorageError) in
      try transaction.createWorkflow(
        definition, id: id, digest: digest, idempotencyKey: key, maxQueued: maxQueued, at: now, context)
    }
    switch try result.value() {
    case .created:
      runtime.created.add()
      api.wakeScheduler()
      runtime.wake()
      return try await response(.accepted, id)
    case .known(let known): return try await response(.ok, known)
    case .conflict(let isOfKey, let earlier):
      throw .otherWorkflow(isOfKey: isOfKey, definition.text, than: earlier)
    case .erasing: throw .workflowErasing
    case .queueFull: throw .queueFull
    }
  }

  private func parse(_ body: [UInt8]) throws(Problem) -> WorkflowDefinition {
    let definition: WorkflowDefinition
    do throws(WorkflowFault) {
      definition = try WorkflowDefinition(body: body)
    } catch {
      guard error.step != nil || error.member != nil else {
        throw Problem(.badRequest, .malformedJSON, error.description)
      }
      throw Problem(.unprocessableContent, .invalidWorkflow, error.description)
    }
    if let callback = definition.callback { try api.callbackCheck.apply(to: callback) }
    for step in definition.steps where !api.keepsFiles && step.target.keepsFiles(in: definition) {
      throw Problem(
        .unprocessableContent, .invalidWorkflow,
        "step `\(step.name)`, `archive`: this daemon keeps no files; leave the member out, and fetch them "
          + "yourself")
    }
    return definition
  }

  private func response(_ status: Status, _ id: String) async throws(Problem) -> Response {
    let document = try await reads.document(id)
    return Response(
      status: status,
      fields: [
        ("Content-Type", "application/json"), ("Location", "/workflows/\(PercentEncoding.encode(id))"),
        ("ETag", EntityTag(document: document).text),
      ], body: document)
  }
}

extension WorkflowDefinition.JobTemplate {
  /// Whether it demands that files are kept.
  fileprivate func keepsFiles(in definition: WorkflowDefinition) -> Bool {
    guard let mode = members.last(where: { $0.name == "archive" }) else { return false }
    return !definition.text[mode.value].elementsEqual("\"off\"".utf8)
  }
}

// MARK: - Reading

extension WorkflowRoutes {
  private func read(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let document = try await reads.document(request.path["id"])
    let tag = EntityTag(document: document)
    guard !tag.isMatched(byIfNoneMatch: request.head.fields.all("if-none-match")) else {
      return Response(status: .notModified, fields: [("ETag", tag.text)])
    }
    return Response(
      status: .ok, fields: [("Content-Type", "application/json"), ("ETag", tag.text)], body: document)
  }

  private func list(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    let query = try QueryParameters(request.head.target, allowing: ["state", "after", "limit"])
    let state: WorkflowRun.State? = try query.choice("state")
    let limit = Int(try query.number("limit", in: 1...500) ?? 50)
    var page = TableQuery(WorkflowTable.declaration, limit: limit)
    page.index = state == nil ? WorkflowTable.byTime : WorkflowTable.byState
    page.prefix = state.map { [.text($0.rawValue)] } ?? []
    page.isReversed = true
    if let text = query["after"] {
      guard let position = WorkflowCursor.values(of: text) else {
        throw Problem(.badRequest, .invalidParameter, "`after` is the `next` of a page with the same `state`")
      }
      page.after = position
    }
    let (wanted, context) = (page, runtime.context)
    let stored = try await api.views.read { (reader) throws(StorageError) in
      try await reader.rows(wanted).compactMap { StoredWorkflow($0) }
    }
    var records: [WorkflowRecord] = []
    for (position, workflow) in stored.enumerated() {
      // Other requests are answered meanwhile.
      if position % WorkflowReads.batchSize == WorkflowReads.batchSize - 1 { await api.views.pause() }
      let record = try await api.views.read { (reader) throws(StorageError) in
        try await reader.workflow(listed: workflow, context)
      }
      if let record { records.append(record) }
    }
    var writer = JSONWriter(capacity: 512 * records.count + 64)
    writer.object { object in
      object.member("workflows") { list in
        list.array(records) { $0.raw(WorkflowDocument.row($1.run, of: $1.definition)[...]) }
      }
      object.member("next", string: stored.count < limit ? nil : stored.last.map(WorkflowCursor.text))
    }
    writer.raw([UInt8(ascii: "\n")])
    return .json(writer.bytes)
  }
}

/// Where a page of the list ends: the time and the id of its last row.
private enum WorkflowCursor {
  static func text(after workflow: StoredWorkflow) -> String {
    "\(workflow.run.createdAt.milliseconds).\(workflow.run.id)"
  }

  /// Nil where the text is no cursor.
  static func values(of text: String) -> [RowValue]? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let time = Int64(parts[0]), parts[1].utf8.count <= 64 else { return nil }
    return [.integer(time), .text(String(parts[1]))]
  }
}

// MARK: - Changing

extension WorkflowRoutes {
  private func admitChange(_ head: RequestHead) throws(Problem) {
    try api.limits.requireConfiguration()
    guard head.bodyFraming != .none, head.bodyFraming != .length(0) else { return }
    try head.requireJSON()
    try head.requireIdentityCoding()
  }

  private func cancel(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let (id, now, context) = (request.path["id"], api.views.now, runtime.context)
    let result = await api.recorder.write { (transaction) throws(StorageError) in
      try transaction.cancelWorkflow(id, at: now, context)
    }
    switch try result.value() {
    case .notFound: throw .workflowNotFound
    case .ended: return try await response(.ok, id)
    case .canceled:
      api.wakeScheduler()
      return try await response(.accepted, id)
    }
  }

  private func resume(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let isStrict = try ResumeRequest(request.body).isStrict
    let (id, now, context) = (request.path["id"], api.views.now, runtime.context)
    let result = await api.recorder.write { (transaction) throws(StorageError) in
      try transaction.resumeWorkflow(id, isStrict: isStrict, at: now, context)
    }
    switch try result.value() {
    case .notFound: throw .workflowNotFound
    case .erasing: throw .workflowErasing
    case .notEnded:
      throw Problem(
        .conflict, .notEnded,
        "the workflow has not ended: wait for its end, or cancel it with POST /workflows/{id}/cancel")
    case .outputExpired(let step):
      throw Problem(
        .conflict, .outputExpired,
        "the files of step `\(step)` are gone at the provider: resume without `reuse`, and it runs again")
    case .succeeded: return try await response(.ok, id)
    case .resumed:
      api.wakeScheduler()
      runtime.wake()
      return try await response(.accepted, id)
    }
  }

  private func delete(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let (id, now, context) = (request.path["id"], api.views.now, runtime.context)
    let begun = await api.recorder.write { (transaction) throws(StorageError) in
      try transaction.beginErasure(ofWorkflow: id, at: now, context)
    }
    guard try begun.value() == .begun else { throw .workflowNotFound }
    api.wakeScheduler()
    let deadline = api.views.loop.now + Self.maxDuration
    // The service goes on where this ends.
    while api.views.loop.now < deadline {
      let jobs = try await api.views.read { (reader) throws(StorageError) in
        try await reader.jobs(ofWorkflow: id, limit: Self.batchSize)
      }
      let now = api.views.now
      let expiresAt = now.advanced(byMilliseconds: runtime.replayTime)
      let removal = await api.recorder.write { (transaction) throws(StorageError) in
        try transaction.eraseWorkflow(id, jobs: jobs, tombstoneUntil: expiresAt, at: now, context)
      }
      switch try removal.value() {
      case .done: return Response(status: .noContent, fields: [], body: [])
      case .more: await api.views.pause()
      case .waiting:
        runtime.wake()
        return Response(status: .accepted, fields: [], body: [])
      }
    }
    runtime.wake()
    return Response(status: .accepted, fields: [], body: [])
  }
}

/// The body of a request to resume: none, or `{"reuse": "strict"}`.
private struct ResumeRequest {
  let isStrict: Bool

  init(_ body: [UInt8]) throws(Problem) {
    guard !body.isEmpty else {
      isStrict = false
      return
    }
    let span = body.span
    let object: JSONObject
    do throws(JSONError) {
      object = try JSONScanner.object(span)
    } catch {
      throw Problem(.badRequest, .malformedJSON, "the body is not a JSON object: \(error)")
    }
    let form = Problem(
      .unprocessableContent, .invalidRequest, "the body may have one member: `reuse`, which is \"strict\"")
    guard object.members.count <= 1 else { throw form }
    guard !object.members.isEmpty else {
      isStrict = false
      return
    }
    guard object.value(named: "reuse", in: span)?.text(in: span) == "strict" else { throw form }
    isStrict = true
  }
}

// MARK: - Refusals

extension Problem {
  fileprivate static let workflowErasing = Problem(
    .conflict, .conflict, "the workflow is being deleted: wait until it is gone")

  /// The refusal of a request whose id or key an earlier one has.
  fileprivate static func otherWorkflow(isOfKey: Bool, _ body: [UInt8], than earlier: [UInt8]) -> Problem {
    let member = RequestDifference.firstMember(of: body.span, comparedWith: earlier.span)
    let difference = member.map { ": `\($0)` differs" } ?? ""
    return isOfKey
      ? Problem(
        .unprocessableContent, .idempotencyMismatch,
        "another workflow came before with this Idempotency-Key\(difference); choose another key")
      : Problem(
        .conflict, .conflict, "another workflow came before with this `id`\(difference); choose another id")
  }
}
