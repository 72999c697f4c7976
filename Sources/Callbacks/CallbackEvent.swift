internal import Ledger
internal import Bytes
internal import Crypto
internal import Jobs
internal import StoreSeam
internal import Time

/// The type of an event, as the app receives it.
enum CallbackType: String, CaseIterable, Sendable {
  case succeeded = "job.succeeded"
  case failed = "job.failed"
  case canceled = "job.canceled"
  case stale = "job.stale"
  case running = "job.running"
  case progress = "job.progress"

  /// Whether the job has ended with it. A later event replaces any other that is pending.
  var isEnd: Bool {
    switch self {
    case .succeeded, .failed, .canceled: true
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

/// An event of a job, as its transition has made it.
struct CallbackEvent: Equatable, Sendable {
  /// The job's number.
  let job: Int64
  let revision: Int64
  let jobID: String
  let id: String
  let type: CallbackType
  let occurredAt: Timestamp

  init(_ type: CallbackType, of job: Job, number: Int64) {
    self.job = number
    revision = job.revision
    jobID = job.id
    id = Self.id(type, of: job, number: number)
    self.type = type
    occurredAt = type == .stale ? job.pollState.staleAt ?? job.updatedAt : job.updatedAt
  }

  /// The `webhook-id`: derived, so that it is the same wherever this event happens again.
  ///
  /// That is in a repeated transaction, and in a restored backup. The number and the revision find the row;
  /// the digest differs for jobs that have the same number in two stores, or the same id one after the other.
  private static func id(_ type: CallbackType, of job: Job, number: Int64) -> String {
    let made = job.origin?.createdAt.milliseconds ?? 0
    let text = "\(job.id) \(made) \(job.revision) \(type.rawValue)"
    let digest = SHA256().digest(of: Array(text.utf8).span)
    return "msg_\(number)_\(job.revision)_\(Hexadecimal.encode(digest.prefix(12)))"
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
