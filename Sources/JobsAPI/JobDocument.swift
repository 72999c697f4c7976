internal import JSONText
internal import JobRequests
internal import Jobs
internal import Replicate
internal import Scheduler
internal import StoreSeam
internal import Time

/// What of a job's document its reader may see.
package enum DocumentScope: Sendable {
  case full
  /// Without what the app keeps to itself: `metadata` and the query of its webhook URL.
  case browser
}

/// The API's JSON documents of jobs.
///
/// `input`, `output`, `metrics` and the logs are slices of the provider's body, so that no number is printed
/// again. A member whose value is not known is absent.
enum JobDocument {
  /// The maximum length of a job's `logs_tail`, in bytes of JSON text.
  static let maxLogsTailBytes = 4096

  /// The whole document of one job.
  ///
  /// - Parameters:
  ///   - parts: the parts of `body`; nil where there is none yet.
  ///   - order: nil for a job that was not created here.
  ///   - next: the order's next create call.
  ///   - attempts: the past attempts.
  ///   - request: the order's request.
  ///   - members: what the capabilities add.
  ///   - scope: what its reader may see.
  static func whole(
    _ job: Job, _ parts: PredictionParts?, body: [UInt8], order: StoredOrder?, _ next: NextTry? = nil,
    attempts: [PastAttempt] = [], request: PredictionRequest?, adding members: [JobMember] = [],
    scope: DocumentScope = .full
  ) -> [UInt8] {
    var writer = JSONWriter(capacity: body.count + 1024)
    writer.object { object in
      head(of: job, in: &object)
      object.member("retry_of", string: order?.retryOf)
      object.member("progress", decimal: progress(of: job, parts, body: body))
      object.member("input", raw: input(parts, body, request))
      object.member("output", raw: slice(parts?.output, of: body))
      if parts?.isDataRemoved == true { object.member("data_removed", bool: true) }
      object.member("metrics", raw: slice(parts?.metrics, of: body))
      if let logs = parts?.logs { logsTail(logs, of: body, in: &object) }
      if scope == .full {
        object.member("metadata", raw: request?.metadata?[...])
        object.member("callback", raw: request?.callbackText?[...])
        object.member("webhook_query", string: webhookQuery(parts?.webhook, of: body))
      }
      tail(of: job, in: &object)
      if let order = shown(order, of: job) { stage(of: order, next, in: &object) }
      if !attempts.isEmpty {
        object.member("attempts") { list in
          list.array(attempts) { element, attempt in element.object { self.attempt(attempt, in: &$0) } }
        }
      }
      for member in members { object.member(member.name, raw: member.text[...]) }
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }

  /// The text of all logs; empty if there are none.
  static func logs(_ parts: PredictionParts?, body: [UInt8]) -> [UInt8] {
    guard let logs = parts?.logs, logs.kind == .string else { return [] }
    return Array(JSONString.decode(logs.contents, of: body.span).utf8)
  }

  /// A job of a list, without its large members unless they are included.
  ///
  /// - Parameter found: the parts of `body`; nil where none is included or there is no body yet.
  static func row(
    _ row: ListedJob, _ found: PredictionParts?, body: [UInt8], including parts: JobParts,
    adding members: [JobMember]
  ) -> [UInt8] {
    let job = row.job
    var writer = JSONWriter(capacity: 768 + (parts.isEmpty ? 0 : body.count))
    writer.object { object in
      head(of: job, in: &object)
      object.member("progress", decimal: job.progress.map { Decimal($0, digits: 4) })
      if parts.contains(.input) {
        let request = row.request.flatMap { try? PredictionRequest(body: $0.span, isStored: true) }
        object.member("input", raw: input(found, body, request))
      }
      if parts.contains(.output) { object.member("output", raw: slice(found?.output, of: body)) }
      if found?.isDataRemoved == true { object.member("data_removed", bool: true) }
      if parts.contains(.metrics) { object.member("metrics", raw: slice(found?.metrics, of: body)) }
      object.member("metadata", raw: row.metadata?[...])
      tail(of: job, in: &object)
      for member in members { object.member(member.name, raw: member.text[...]) }
    }
    return writer.bytes
  }

  /// A list of jobs, from its rows.
  static func list(_ rows: [[UInt8]], next: Int64?) -> [UInt8] {
    var writer = JSONWriter(capacity: rows.reduce(64) { $0 + $1.count + 1 })
    writer.object { object in
      object.member("jobs") { list in list.array(rows) { $0.raw($1[...]) } }
      object.member("next", string: next.map(String.init))
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }

  /// A job's history, oldest first, with its state after each entry.
  static func history(_ history: JobHistory, isPartial: Bool) -> [UInt8] {
    let entries = history.entries
    var writer = JSONWriter(capacity: 256 * entries.count + 256)
    writer.object { object in
      object.member("id", string: history.job.id)
      object.member("counts") { member in
        member.object { object in
          for outcome in DeliveryOutcome.allCases {
            object.member(named: outcome.rawValue) { $0.integer(Int64(history.counts[outcome] ?? 0)) }
          }
        }
      }
      object.member("deliveries") { list in
        list.array(entries) { element, entry in element.object { delivery(entry, in: &$0) } }
      }
      object.member("next", string: isPartial ? entries.last.map { String($0.position) } : nil)
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }
}

// MARK: - Parts

extension JobDocument {
  private static func head(of job: Job, in object: inout JSONWriter.Object) {
    let snapshot = job.snapshot
    object.member("id", string: job.id)
    object.member("prediction_id", string: snapshot?.predictionID)
    object.member("state", string: job.state.rawValue)
    object.member("provider", string: "replicate")
    object.member("provider_status", string: snapshot?.providerStatus)
    object.member("model", string: job.model)
    object.member("model_version", string: snapshot?.modelVersion)
    object.member("revision", integer: job.revision)
    // A job that was not created here is its prediction.
    object.member("attempt", integer: job.origin == nil ? nil : job.attempt)
  }

  private static func tail(of job: Job, in object: inout JSONWriter.Object) {
    let snapshot = job.snapshot
    self.error(job.error, in: &object)
    object.member("ended_by", string: job.endedBy?.rawValue)
    object.member("queue_seconds", decimal: seconds(from: snapshot?.createdAt, to: snapshot?.startedAt))
    object.member("run_seconds", decimal: seconds(from: snapshot?.startedAt, to: snapshot?.completedAt))
    object.member("created_at", time: job.createdAt)
    object.member("started_at", time: snapshot?.startedAt)
    object.member("completed_at", time: snapshot?.completedAt)
    object.member("updated_at", time: job.updatedAt)
    object.member("last_delivery_at", time: job.lastDeliveryAt)
    object.member("stale_at", time: job.pollState.staleAt)
  }

  /// The stored progress, or that of the logs for a snapshot from before progress was stored.
  private static func progress(of job: Job, _ parts: PredictionParts?, body: [UInt8]) -> Decimal? {
    let progress = job.progress ?? parts?.logs.flatMap { LogProgress.progress(in: $0, of: body.span) }
    return progress.map { Decimal($0, digits: 4) }
  }

  /// The duration between two times of the provider.
  ///
  /// Its backends disagree about times, so an end before its start is ignored.
  private static func seconds(from start: Timestamp?, to end: Timestamp?) -> Decimal? {
    guard let start, let end, start <= end else { return nil }
    return Decimal(end.milliseconds - start.milliseconds, digits: 3)
  }

  /// The order as the API shows it: only while an open job still waits for a step of it.
  private static func shown(_ order: StoredOrder?, of job: Job) -> StoredOrder? {
    order.flatMap { $0.isShown(of: job) ? $0 : nil }
  }

  private static func error(_ error: JobError?, in object: inout JSONWriter.Object) {
    guard let error else { return }
    object.member("error") { member in
      member.object { object in
        object.member("code", string: error.code)
        object.member("message", string: error.message)
      }
    }
  }

  private static func attempt(_ attempt: PastAttempt, in object: inout JSONWriter.Object) {
    object.member("prediction_id", string: attempt.predictionID)
    object.member("ended_at", time: attempt.endedAt)
    error(attempt.error, in: &object)
  }

  private static func stage(
    of order: StoredOrder, _ next: NextTry?, in object: inout JSONWriter.Object
  ) {
    object.member("order") { member in
      member.object { object in
        object.member("stage", string: order.stage.rawValue)
        object.member("tries", integer: order.tries)
        object.member("next_try_at", time: next?.time ?? order.dueAt)
        object.member("reason", string: (next?.reason ?? order.reason)?.rawValue)
        object.member("cancel_requested", bool: order.isCancelRequested)
      }
    }
  }

  private static func delivery(_ entry: HistoryEntry, in object: inout JSONWriter.Object) {
    object.member("position", integer: entry.position)
    object.member("source", string: entry.source.rawValue)
    object.member("webhook_id", string: entry.webhookID)
    object.member("received_at", time: entry.receivedAt)
    object.member("provider_status", string: entry.shownStatus)
    object.member("outcome", string: entry.outcome.rawValue)
    object.member("code", string: entry.code)
    object.member("state", string: JobState(entry.phase).rawValue)
    object.member("revision", integer: entry.revision)
    object.member("body_sha256", string: entry.digest?.hexadecimal)
  }

  /// The input: received, or posted where Replicate has erased it from its answers.
  private static func input(
    _ parts: PredictionParts?, _ body: [UInt8], _ request: PredictionRequest?
  ) -> ArraySlice<UInt8>? {
    let posted = request.flatMap { $0.input.isEmpty ? nil : $0.input[...] }
    let received = slice(parts?.input, of: body)
    return parts?.isDataRemoved == true ? posted ?? received : received ?? posted
  }

  /// The query of the webhook URL that the prediction's creator chose, without our own token.
  private static func webhookQuery(_ webhook: JSONValue?, of body: [UInt8]) -> String? {
    guard let webhook, webhook.kind == .string, webhook.range.count <= maxWebhookBytes,
      body[webhook.range].contains(UInt8(ascii: "?"))
    else { return nil }
    return JobToken.foreignQuery(of: JSONString.decode(webhook.contents, of: body.span))
  }

  /// In bytes of JSON text. The query of a longer URL is not shown.
  private static let maxWebhookBytes = 4096

  private static func slice(_ value: JSONValue?, of body: [UInt8]) -> ArraySlice<UInt8>? {
    value.map { body[$0.range] }
  }

  private static func logsTail(_ logs: JSONValue, of body: [UInt8], in object: inout JSONWriter.Object) {
    guard logs.kind == .string else { return }
    let tail = JSONString.tail(of: logs.contents, limit: maxLogsTailBytes, in: body.span)
    object.member("logs_tail") { $0.string(raw: body.span.extracting(tail)) }
  }
}

extension HistoryEntry {
  /// The provider's status; nil for a 404, and for an end that the daemon decided.
  fileprivate var shownStatus: String? {
    source == .daemon || providerStatus.isEmpty ? nil : providerStatus
  }

  /// The code of an end that the daemon decided.
  fileprivate var code: String? { source == .daemon ? providerStatus : nil }
}

extension JSONWriter.Object {
  fileprivate mutating func member(_ name: StaticString, time: Timestamp?) {
    guard let text = time?.rfc3339Bytes else { return }
    member(name) { $0.string(raw: text.span) }
  }
}
