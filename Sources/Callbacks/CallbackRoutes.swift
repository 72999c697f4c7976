internal import Bytes
internal import GroupCommit
internal import HTTPWire
internal import JSONText
internal import Jobs
internal import JobsAPI
internal import StoreSeam
internal import Routing
internal import Tables
internal import Time

/// What was sent to the app, and what it did not accept.
final class CallbackRoutes {
  private let api: APIContext
  private let keys: SigningKeys
  private let waker: Waker

  /// Rows that one transaction makes pending again.
  private static let retriedAtOnce = 200

  init(_ api: APIContext, keys: SigningKeys, waker: Waker) {
    (self.api, self.keys, self.waker) = (api, keys, waker)
  }

  var routes: [Route] {
    [
      Route(
        .get, "/callbacks", name: "callbacks", summary: "Lists callbacks, newest first.",
        access: api.access.reading, respond: list),
      // With the access of changes: it is as much as a token.
      Route(
        .get, "/callbacks/secret", name: "callback-secret",
        summary: "Returns the secrets with which the app verifies callbacks.", access: api.access.changing,
        respond: secret),
      Route(
        .post, "/callbacks/{id}/retry", name: "retry-callback", summary: "Retries a callback now.",
        access: api.access.changing, respond: retryOne),
      Route(
        .post, "/callbacks/retry", name: "retry-callbacks", summary: "Retries failed callbacks now.",
        access: api.access.changing, respond: retryFailed),
    ]
  }

  // MARK: Reading

  private func list(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    let kinds = ["job"] + api.announced.map(\.kind)
    let query = try QueryParameters(request.head.target, allowing: ["state"] + kinds + ["after", "limit"])
    let state: CallbackState? = try query.choice("state")
    let limit = Int(try query.number("limit", in: 1...500) ?? 50)
    let subjects = kinds.compactMap { kind in query[kind].map { (kind, $0) } }
    guard subjects.count < 2 else {
      throw Problem(
        .badRequest, .invalidParameter,
        "give one of \(kinds.joined(separator: ", ")): each has its own events")
    }
    var page = CallbackPage(limit: limit)
    if let (kind, id) = subjects.first {
      try await page.read(ofSubject: try await number(of: id, kind), state, after: query["after"], read)
    } else {
      try await page.read(state, after: query["after"], read)
    }
    return .json(CallbackDocument.list(page.rows, next: page.next))
  }

  /// - Parameter kind: what the subject is, such as `job`.
  private func number(of id: String, _ kind: String) async throws(Problem) -> Int64 {
    if let source = api.announced.first(where: { $0.kind == kind }) {
      guard let number = try await source.number(of: id, in: api.views) else {
        throw Problem(.notFound, .notFound, "there is no \(kind) with this id, or it has been deleted")
      }
      return number
    }
    let record = try await api.views.read { (reader) throws(StorageError) in try await reader.job(id) }
    guard let record else { throw .jobNotFound }
    return record.number
  }

  private func read(_ query: TableQuery) async throws(Problem) -> [CallbackRow] {
    try await api.views.read { (reader) throws(StorageError) in
      try await reader.rows(query).compactMap { CallbackRow($0) }
    }
  }

  private func secret(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let secrets = try await api.views.read { [keys] (reader) throws(StorageError) in
      try await keys.revealed(from: reader)
    }
    guard !secrets.isEmpty else {
      throw .unavailable(.storeUnavailable, "no secret is stored yet: the daemon makes it after its start")
    }
    var writer = JSONWriter(capacity: 128)
    writer.object { object in
      object.member("secrets") { $0.array(secrets) { $0.string($1) } }
    }
    writer.raw([UInt8(ascii: "\n")])
    return Response(
      status: .ok, fields: [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
      body: writer.bytes)
  }

  // MARK: Retrying

  private func retryOne(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let (id, now) = (request.path["id"], api.views.now)
    let result = await api.recorder.write { (transaction) throws(StorageError) in
      try transaction.retryCallback(id, at: now)
    }
    switch try result.value() {
    case .due(let row):
      waker.wake()
      return Response(
        status: .accepted, fields: [("Content-Type", "application/json")], body: CallbackDocument.whole(row))
    case .delivered:
      throw Problem(.conflict, .conflict, "the app has accepted this callback: there is nothing to retry")
    case .unknown:
      throw Problem(
        .notFound, .notFound, "there is no callback with this id: it was never made, or has been deleted")
    }
  }

  /// Retries what has failed since a time, in the order in which it failed.
  private func retryFailed(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    let query = try QueryParameters(request.head.target, allowing: ["since", "host"])
    let host = query["host"]?.lowercased()
    var since: Int64 = 0
    if let text = query["since"] {
      guard let time = Timestamp(rfc3339: text) else {
        throw Problem(.badRequest, .invalidParameter, "`since` is a time such as 2026-11-26T08:00:00Z")
      }
      since = time.milliseconds
    }
    let now = api.views.now
    var (count, after): (Int64, [RowValue]) = (0, [])
    while true {
      var page = TableQuery(CallbackTable.declaration, limit: Self.retriedAtOnce)
      page.index = CallbackTable.byState
      page.prefix = [.text(CallbackState.failed.rawValue)]
      page.bounds = since...max(since, now.milliseconds)
      page.after = after
      let rows = try await read(page)
      let ids = rows.filter { $0.isSent(to: host) }.map(\.id)
      let result = await api.recorder.write { (transaction) throws(StorageError) in
        var count: Int64 = 0
        for id in ids {
          if case .due = try transaction.retryCallback(id, at: now) { count += 1 }
        }
        return count
      }
      count += try result.value()
      guard rows.count == Self.retriedAtOnce, let last = rows.last else { break }
      after = [.integer(last.since.milliseconds)] + last.key
    }
    waker.wake()
    var writer = JSONWriter(capacity: 32)
    writer.object { $0.member("retried", integer: count) }
    writer.raw([UInt8(ascii: "\n")])
    return .json(writer.bytes)
  }
}

extension CallbackRow {
  /// Whether the last try went to that host, with or without its port.
  func isSent(to host: String?) -> Bool {
    guard let host else { return true }
    guard let known = self.host else { return false }
    return known == host || known.hasPrefix(host + ":")
  }
}

/// The JSON documents of callbacks.
enum CallbackDocument {
  static func whole(_ row: CallbackRow) -> [UInt8] {
    var writer = JSONWriter(capacity: 512)
    writer.object { members(of: row, in: &$0) }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }

  static func list(_ rows: [CallbackRow], next: String?) -> [UInt8] {
    var writer = JSONWriter(capacity: 512 * rows.count + 64)
    writer.object { object in
      object.member("callbacks") { list in
        list.array(rows) { element, row in element.object { members(of: row, in: &$0) } }
      }
      object.member("next", string: next)
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }

  private static func members(of row: CallbackRow, in object: inout JSONWriter.Object) {
    object.member("id", string: row.id)
    object.member(named: row.type.subjectKind) { $0.string(row.jobID) }
    object.member("type", string: row.type.name)
    object.member("state", string: row.state.rawValue)
    object.member("occurred_at", string: row.occurredAt.rfc3339)
    object.member("tries", integer: row.tries)
    object.member("host", string: row.host)
    object.member("status", integer: row.status)
    object.member("error", string: row.error)
    switch row.state {
    case .pending: object.member("next_try_at", string: row.nextTryAt?.rfc3339)
    case .failed: object.member("failed_at", string: row.since.rfc3339)
    case .delivered: object.member("delivered_at", string: row.since.rfc3339)
    }
  }
}
