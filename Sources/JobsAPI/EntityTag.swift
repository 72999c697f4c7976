internal import Bytes
internal import HTTPWire
internal import Jobs
internal import Scheduler
internal import Ledger
internal import Time

/// A strong validator made of a job's revision (RFC 9110 section 8.8.3).
struct EntityTag {
  let text: String

  /// The tag of a job's document.
  ///
  /// The document may show the progress of an order, which the job's revision does not count.
  ///
  /// - Parameter next: the order's next create call, as the document shows it.
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

  /// Whether `*` or one of the listed tags matches (RFC 9110 section 13.1.2).
  ///
  /// The comparison is weak: a `W/` before a tag makes no difference.
  func isMatched(byIfNoneMatch values: [String]) -> Bool {
    values.flatMap { $0.split(separator: ",") }.contains { part in
      let tag = part.trimmed
      return tag == "*" || tag == text || tag == "W/\(text)"
    }
  }
}
