internal import Bytes
internal import HTTPWire
internal import Jobs
internal import Scheduler
internal import Store
internal import Time

/// A strong validator made of a job's revision (RFC 9110 section 8.8.3).
struct EntityTag {
  let text: String

  /// Of a job's document, which may show how far its order is: that does not count as a change of the job.
  ///
  /// - Parameter next: what the document shows of the order's next try.
  init(of job: Job, _ order: StoredOrder?, _ next: NextTry? = nil) {
    var text = "\"" + String(job.revision)
    if let order {
      text += "-\(order.stage.rawValue)-\(order.tries)"
      if order.isCancelRequested { text += "-cancel" }
      if let due = next?.time ?? order.dueAt { text += "-\(due.milliseconds)" }
      if let reason = next?.reason { text += "-\(reason.rawValue)" }
    }
    self.text = text + "\""
  }

  /// RFC 9110 section 13.1.2: `*`, or one of a list, compared weakly: a `W/` before a tag does not matter.
  func isMatched(byIfNoneMatch values: [String]) -> Bool {
    values.flatMap { $0.split(separator: ",") }.contains { part in
      let tag = part.trimmed
      return tag == "*" || tag == text || tag == "W/\(text)"
    }
  }
}
