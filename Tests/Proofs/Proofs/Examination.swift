/// The check of one job after the faults.
///
/// Each acknowledged delivery must be in its history, whole and applied once, and the job must be what its
/// history makes it.
struct Examination {
  private(set) var lost = 0
  private(set) var appliedTwice = 0
  private(set) var problem: String?

  /// - Parameters:
  ///   - sends: the sends of the job's events, by step.
  ///   - document, history: nil if there is no such job.
  init(of job: Int, _ sends: [Ledger.Sends], _ document: JobDocument?, _ history: HistoryDocument?) {
    var rows = Array(repeating: 0, count: sends.count)
    var firsts = rows
    var model = JobModel()
    // A daemon that starts polls open jobs, and the provider of the proofs knows none of the load: from then
    // on, a job may have ended as deleted there, which the model does not know. Its deliveries must be there.
    var isPolled = false
    for row in history?.deliveries ?? [] {
      guard let webhookID = row.webhookID else {
        isPolled = true
        continue
      }
      guard let event = Self.event(webhookID, of: job, among: sends) else {
        problem = "\(webhookID) was never sent"
        continue
      }
      if row.digest != event.digest { problem = "\(webhookID) has another body" }
      rows[event.step] += 1
      if row.isFirst {
        firsts[event.step] += 1
        model.record(event)
      } else if firsts[event.step] == 0 {
        problem = "\(webhookID) is \(row.outcome) before it was recorded"
      }
      if !isPolled, row.state != model.state || row.revision != model.revision {
        problem = "\(webhookID) made it \(row.state), revision \(row.revision), "
        problem? += "not \(model.state), revision \(model.revision)"
      }
    }
    for (step, sent) in sends.enumerated() {
      lost += max(0, Int(sent.acknowledged) - rows[step])
      appliedTwice += max(0, max(firsts[step], Int(sent.fresh)) - 1)
      if rows[step] > Int(sent.attempts) - Int(sent.refused) {
        problem = "step \(step) is recorded \(rows[step]) times and was sent \(sent.attempts) times"
      }
    }
    // A stale job had no updates for too long: the sweeper set its state and revision.
    if !isPolled, let document, document.state != "stale",
      document.state != model.state || document.revision != model.revision
    {
      problem = "it is \(document.state), revision \(document.revision), "
      problem? += "not \(model.state), revision \(model.revision)"
    }
  }

  private static func event(_ webhookID: String, of job: Int, among sends: [Ledger.Sends]) -> Event? {
    let parts = webhookID.split(separator: "-")
    guard parts.count == 3, Int(parts[1]) == job, let step = Int(parts[2]), sends.indices.contains(step),
      sends[step].attempts > 0
    else { return nil }
    return Event(job: job, step: step, report: sends[step].report)
  }
}
