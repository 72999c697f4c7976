internal import Ledger
internal import Bytes
internal import Crypto
internal import Jobs
internal import StoreSeam
internal import Time

/// The type of an event, as the app receives it.
enum CallbackType: Equatable, Sendable {
  case succeeded, failed, canceled, stale, running, progress
  /// Of a subject that is no job, with its whole name.
  case announced(String)

  private static let ofJobs = [succeeded, failed, canceled, stale, running, progress]

  /// - Parameter name: as it is stored. Nil where this version knows no such event of jobs.
  init?(_ name: String, isOfJob: Bool) {
    guard isOfJob else {
      self = .announced(name)
      return
    }
    guard let known = Self.ofJobs.first(where: { $0.name == name }) else { return nil }
    self = known
  }

  var name: String {
    switch self {
    case .succeeded: "job.succeeded"
    case .failed: "job.failed"
    case .canceled: "job.canceled"
    case .stale: "job.stale"
    case .running: "job.running"
    case .progress: "job.progress"
    case .announced(let name): name
    }
  }

  /// What the subject is, such as `job`: the name up to its first dot.
  var subjectKind: String { String(name.prefix { $0 != "." }) }

  /// Whether no later event replaces it while it is pending.
  ///
  /// It replaces any other that is pending.
  var isEnd: Bool {
    switch self {
    case .succeeded, .failed, .canceled, .announced: true
    case .stale, .running, .progress: false
    }
  }

  /// Whether only a request sends it that names it.
  var isOptional: Bool { self == .running || self == .progress }

  private init?(endOf phase: Phase) {
    switch phase {
    case .succeeded: self = .succeeded
    case .failed: self = .failed
    case .canceled: self = .canceled
    case .pending, .running: return nil
    }
  }

  /// The event of a transition. Nil where it is none.
  init?(_ transition: JobTransition) {
    guard let after = transition.after?.job else { return nil }
    if transition.endsJob {
      self.init(endOf: after.phase)
      return
    }
    guard !after.phase.isTerminal else { return nil }
    let before = transition.before?.job
    switch after.state {
    case .stale where before?.state != .stale: self = .stale
    case .running where before?.state != .running: self = .running
    case .running where before?.revision != after.revision: self = .progress
    default: return nil
    }
  }
}

/// An event of a job or another subject, as its transaction has made it.
struct CallbackEvent: Equatable, Sendable {
  /// The job's number; that of another subject is negative.
  let job: Int64
  let revision: Int64
  /// The subject's id in the API.
  let jobID: String
  let id: String
  let type: CallbackType
  let occurredAt: Timestamp

  init(_ type: CallbackType, of job: Job, number: Int64) {
    self.job = number
    revision = job.revision
    jobID = job.id
    id = Self.id(type, number, revision, of: jobID, madeAt: job.origin?.createdAt)
    self.type = type
    occurredAt = type == .stale ? job.pollState.staleAt ?? job.updatedAt : job.updatedAt
  }

  init(_ event: Announcement) {
    (job, revision, jobID) = (event.number, event.revision, event.subject)
    type = .announced(event.type)
    id = Self.id(type, job, revision, of: jobID, madeAt: event.madeAt)
    occurredAt = event.occurredAt
  }

  /// The `webhook-id`: derived, so that it is the same wherever this event happens again.
  ///
  /// That is in a repeated transaction, and in a restored backup. The number and the revision find the row;
  /// the digest differs for jobs that have the same number in two stores, or the same id one after the other.
  private static func id(
    _ type: CallbackType, _ number: Int64, _ revision: Int64, of subject: String, madeAt: Timestamp?
  ) -> String {
    let text = "\(subject) \(madeAt?.milliseconds ?? 0) \(revision) \(type.name)"
    let digest = SHA256().digest(of: Array(text.utf8).span)
    return "msg_\(number)_\(revision)_\(Hexadecimal.encode(digest.prefix(12)))"
  }

  /// The number and the revision in an id. Nil where the text is no id.
  static func position(in id: String) -> (job: Int64, revision: Int64)? {
    let parts = id.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "msg", let job = Int64(parts[1]), let revision = Int64(parts[2])
    else {
      return nil
    }
    return (job, revision)
  }

  /// When it is first tried: at once, also after a step of the clock.
  ///
  /// A job's times do not go back with the wall clock. Progress waits for a second. What happens meanwhile
  /// replaces it and keeps its due time, so that one event a second is sent at most.
  var dueAt: Timestamp {
    type == .progress
      ? occurredAt.advanced(byMilliseconds: Self.progressInterval) : Timestamp(milliseconds: 0)
  }

  static let progressInterval: Int64 = 1000
}
