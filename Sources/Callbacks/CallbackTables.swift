internal import StoreSeam
internal import Tables
internal import Time
internal import Work

/// The outbox: one row for each event of a job or another subject.
enum CallbackTable {
  static let byState = TableDeclaration.Index("callbacks_by_state", on: ["state", "since"])

  /// The order of lists. Numbers would not do, because those of subjects have no order.
  static let byTime = TableDeclaration.Index("callbacks_by_time", on: ["occurred_at"])

  static let declaration = TableDeclaration(
    "callbacks",
    key: [
      .init("job", .integer),
      // The revision after the event: no two events of a job have the same.
      .init("revision", .integer),
    ],
    columns: [
      // The webhook-id.
      .init("id", .text), .init("job_id", .text), .init("type", .text), .init("state", .text),
      // When the event happened, and since when it is in its state.
      .init("occurred_at", .integer), .init("since", .integer),
      // Tries since it is pending, and the results of the last one.
      .init("tries", .integer), .init("next_try_at", .integer, isOptional: true),
      .init("host", .text, isOptional: true), .init("status", .integer, isOptional: true),
      .init("error", .text, isOptional: true),
    ], indexes: [byState, byTime])

  static func key(_ job: Int64, _ revision: Int64) -> [RowValue] { [.integer(job), .integer(revision)] }
}

/// Callbacks of one job or other subject, which replace the operator's: one row for each.
enum TargetTable {
  static let declaration = TableDeclaration(
    "callback_targets", key: [.init("job", .integer)],
    columns: [
      .init("url", .text),
      // 1 where the request names the event.
      .init("running", .integer), .init("progress", .integer),
    ])

  static func values(of target: CallbackTarget, job: Int64) -> [RowValue] {
    [
      .integer(job), .text(target.url), .integer(target.wantsRunning ? 1 : 0),
      .integer(target.wantsProgress ? 1 : 0),
    ]
  }
}

/// A job's own callback.
struct CallbackTarget: Equatable, Sendable {
  let url: String
  let wantsRunning: Bool
  let wantsProgress: Bool

  init(url: String, wantsRunning: Bool = false, wantsProgress: Bool = false) {
    self.url = url
    self.wantsRunning = wantsRunning
    self.wantsProgress = wantsProgress
  }

  init(_ row: TableRow) {
    self.init(
      url: row.text("url") ?? "", wantsRunning: row.integer("running") != 0,
      wantsProgress: row.integer("progress") != 0)
  }
}

/// What has become of an event.
enum CallbackState: String, CaseIterable, Sendable {
  case pending
  case failed
  case delivered
}

/// A row of the outbox.
struct CallbackRow: Equatable, Sendable {
  /// The job's number; that of another subject is negative.
  let job: Int64
  let revision: Int64
  /// The `webhook-id`, the same for every try.
  let id: String
  /// The id of the job or other subject in the API.
  let jobID: String
  let type: CallbackType
  var state = CallbackState.pending
  let occurredAt: Timestamp
  /// When it came into its state.
  var since: Timestamp
  /// The tries since it is pending.
  var tries: Int64 = 0
  /// Nil unless it is pending and was tried.
  var nextTryAt: Timestamp?
  /// The results of the last try: the host and port, the status, and the reason for its failure.
  var host: String?
  var status: Int64?
  var error: String?

  init(_ event: CallbackEvent) {
    (job, revision, id) = (event.job, event.revision, event.id)
    (jobID, type, occurredAt, since) = (event.jobID, event.type, event.occurredAt, event.occurredAt)
  }

  /// Nil where the row holds a type or a state that this version does not know.
  init?(_ row: TableRow) {
    let job = row.integer("job")
    guard let type = row.text("type").flatMap({ CallbackType($0, isOfJob: job >= 0) }),
      let state = row.text("state").flatMap(CallbackState.init(rawValue:))
    else { return nil }
    (self.type, self.state) = (type, state)
    (self.job, revision, tries) = (job, row.integer("revision"), row.integer("tries"))
    (id, jobID) = (row.text("id") ?? "", row.text("job_id") ?? "")
    occurredAt = Timestamp(milliseconds: row.integer("occurred_at"))
    since = Timestamp(milliseconds: row.integer("since"))
    nextTryAt = row.optionalInteger("next_try_at").map { Timestamp(milliseconds: $0) }
    (host, error, status) = (row.text("host"), row.text("error"), row.optionalInteger("status"))
  }

  var key: [RowValue] { CallbackTable.key(job, revision) }

  var values: [RowValue] {
    [
      .integer(job), .integer(revision), .text(id), .text(jobID), .text(type.name),
      .text(state.rawValue), .integer(occurredAt.milliseconds), .integer(since.milliseconds),
      .integer(tries), nextTryAt.map { .integer($0.milliseconds) } ?? .null,
      host.map { .text($0) } ?? .null, status.map { .integer($0) } ?? .null,
      error.map { .text($0) } ?? .null,
    ]
  }
}

extension TableRow {
  fileprivate func optionalInteger(_ column: String) -> Int64? {
    if case .integer(let value) = self[column] { value } else { nil }
  }
}

/// The work of the outbox: one item for each pending event.
///
/// Only the first item of a job is due. So its events are sent one after the other.
enum CallbackWork {
  /// Of jobs that are sent to `CALLBACK_URL`.
  static let shared = WorkKind(rawValue: "callback")

  /// Of jobs with a callback of their own, by their hosts.
  ///
  /// Due work is read kind by kind. So many events for a slow host delay only hosts of the same kind.
  static let own = (0..<ownKinds).map { WorkKind(rawValue: "callback_\($0)") }
  private static let ownKinds = 8

  static let kinds = [shared] + own
  static let all = Set(kinds)

  /// - Parameter target: the job's own callback; nil where it has none.
  static func kind(of target: CallbackTarget?) -> WorkKind {
    guard let target else { return shared }
    // FNV-1a, because the kind of a host must be the same in every process.
    let hash = Receiver.name(ofURL: target.url).utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    return own[Int(hash % UInt64(ownKinds))]
  }

  static func key(_ job: Int64, _ revision: Int64, _ kind: WorkKind) -> WorkKey {
    WorkKey(kind, job: job, key: String(revision))
  }
}

extension WorkItem {
  /// The revision of an outbox item's event. 0 where the key is none of this version.
  var revision: Int64 { Int64(key.key) ?? 0 }
}
