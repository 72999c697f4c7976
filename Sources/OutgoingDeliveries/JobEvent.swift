internal import Bytes
internal import Crypto
internal import JSONText

/// An event of a job, as an app receives it by callback.
package struct JobEvent: Equatable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    case succeeded = "job.succeeded"
    case failed = "job.failed"
    case canceled = "job.canceled"
    case stale = "job.stale"
    case running = "job.running"
    case progress = "job.progress"

    /// Whether it is sent only where it is named.
    package var isOptional: Bool { self == .running || self == .progress }
  }

  package let kind: Kind
  package let job: String
  /// The job's revision, as text.
  package let revision: String

  package init(_ kind: Kind, of job: String, revision: String) {
    self.kind = kind
    self.job = job
    self.revision = revision
  }

  /// Derived from the event, so that it is the same when the event is sent again.
  package var webhookID: String {
    let text = Array("\(job) \(revision) \(kind.rawValue)".utf8)
    return "msg_listen_\(Hexadecimal.encode(SHA256().digest(of: text.span).prefix(12)))"
  }

  /// The body of a callback.
  ///
  /// - Parameters:
  ///   - time: of the event, by RFC 3339.
  ///   - document: the job.
  package func body(time: String, document: [UInt8]) -> [UInt8] {
    var writer = JSONWriter(capacity: document.count + 128)
    writer.object { object in
      object.member("type", string: kind.rawValue)
      object.member("timestamp", string: time)
      // The document ends with a line break.
      object.member("data", raw: document.last == UInt8(ascii: "\n") ? document.dropLast() : document[...])
    }
    return writer.bytes
  }
}

/// Finds the events in the states of jobs that a reader of the feed sees.
///
/// A job comes again with each change, also with one that is no event.
package struct JobEventFilter {
  private let optional: Set<JobEvent.Kind>
  /// The last event of each job, and the jobs in the order of their first.
  private var last: [String: JobEvent] = [:]
  private var order: [String] = []

  /// Beyond it, the jobs that were seen first are forgotten.
  private let maxJobs: Int

  /// - Parameter optional: the optional events that are sent.
  package init(sending optional: Set<JobEvent.Kind>, maxJobs: Int = 10_000) {
    self.optional = optional
    self.maxJobs = maxJobs
  }

  /// The event by which the job came into this state; nil where it is none, or not a new one.
  package mutating func event(of job: String, state: String, revision: String) -> JobEvent? {
    guard let kind = JobEvent.Kind(rawValue: "job.\(state)"), kind != .progress else { return nil }
    let before = last[job]
    var event = JobEvent(kind, of: job, revision: revision)
    if kind == .running, before?.kind == .running || before?.kind == .progress {
      guard before?.revision != revision else { return nil }
      event = JobEvent(.progress, of: job, revision: revision)
    } else if before?.kind == kind {
      return nil
    }
    note(event)
    return !event.kind.isOptional || optional.contains(event.kind) ? event : nil
  }

  private mutating func note(_ event: JobEvent) {
    if last.updateValue(event, forKey: event.job) == nil { order.append(event.job) }
    guard order.count > maxJobs else { return }
    // Half at a time, so that removal costs little each.
    for job in order.prefix(maxJobs / 2) { last[job] = nil }
    order.removeFirst(maxJobs / 2)
  }
}
