/// Formats responses of the jobs API for a terminal.
package enum JobTable {
  package static func list(_ document: JSONDocument) -> String {
    let jobs = document.objects("jobs")
    guard !jobs.isEmpty else { return "no jobs" }
    var text = table(
      columns: ["ID", "STATE", "PROGRESS", "STATUS", "MODEL", "UPDATED"],
      rows: jobs.map { job in
        ["id", "state", "progress", "provider_status", "model", "updated_at"].map { name in
          (name == "progress" ? JobProgress.percentage(of: job) : job.text(name)) ?? "-"
        }
      })
    if let next = document.text("next") { text += "\nmore: --after \(next)" }
    return text
  }

  package static func history(_ document: JSONDocument) -> String {
    table(
      columns: ["RECEIVED", "STATUS", "OUTCOME", "STATE", "REVISION", "WEBHOOK-ID"],
      rows: document.objects("deliveries").map { entry in
        [
          entry.text("received_at"), entry.text("provider_status") ?? entry.text("code"),
          entry.text("outcome"), entry.text("state"), entry.text("revision"), entry.text("webhook_id"),
        ].map { $0 ?? "-" }
      })
  }

  /// Ended jobs by day and model, then lost webhooks by day.
  package static func usage(_ document: JSONDocument) -> String {
    let days = document.objects("days")
    guard !days.isEmpty else { return "no jobs ended in these days" }
    let counts = ["succeeded", "failed", "canceled"]
    let seconds = ["predict_seconds", "queue_seconds", "run_seconds"]
    let byModel = table(
      columns: ["DAY", "MODEL", "SUCCEEDED", "FAILED", "CANCELED", "PREDICT S", "QUEUE S", "RUN S"],
      rows: document.objects("usage").map { row in
        (["day", "model"] + counts + seconds).map { row.text($0) ?? "-" }
      })
    let byDay = table(
      columns: ["DAY", "SUCCEEDED", "FAILED", "CANCELED", "LOST WEBHOOKS", "LOST SHARE"],
      rows: days.map { row in
        (["day"] + counts + ["lost_webhooks", "lost_share"]).map { row.text($0) ?? "-" }
      })
    return byModel + "\n\n" + byDay
  }

  package static func callbacks(_ document: JSONDocument) -> String {
    let callbacks = document.objects("callbacks")
    guard !callbacks.isEmpty else { return "no callbacks" }
    let names = ["type", "state", "tries", "occurred_at", "host", "error"]
    var text = table(
      columns: ["ID", "OF", "TYPE", "STATE", "TRIES", "OCCURRED", "HOST", "ERROR"],
      rows: callbacks.map { callback in
        let subject = callback.text("job") ?? callback.text("workflow")
        return [callback.text("id") ?? "-", subject ?? "-"] + names.map { callback.text($0) ?? "-" }
      })
    if let next = document.text("next") { text += "\nmore: --after \(next)" }
    return text
  }

  /// Refused deliveries, the newest first.
  package static func refusals(_ document: JSONDocument) -> String {
    let refusals = document.objects("refusals")
    guard !refusals.isEmpty else { return "no deliveries were refused since the daemon started" }
    return table(
      columns: ["RECEIVED", "CLIENT", "STATUS", "CODE", "METHOD", "PATH", "WEBHOOK-ID", "REASON"],
      rows: refusals.map { refusal in
        ["received_at", "client", "status", "code", "method", "path", "webhook_id", "reason"].map {
          refusal.text($0) ?? "-"
        }
      })
  }

  /// Ended jobs by a member of their metadata.
  package static func usageGroups(_ document: JSONDocument) -> String {
    let groups = document.objects("groups")
    let names = [
      "value", "succeeded", "failed", "canceled", "predict_seconds", "queue_seconds", "run_seconds",
    ]
    var text =
      groups.isEmpty
      ? "no jobs with this member ended in these days"
      : table(
        columns: ["VALUE", "SUCCEEDED", "FAILED", "CANCELED", "PREDICT S", "QUEUE S", "RUN S"],
        rows: groups.map { row in names.map { row.text($0) ?? "-" } })
    if let next = document.text("next") { text += "\nmore: --after '\(Terminal.visible(next))'" }
    return text
  }

  package static func details(_ job: JSONDocument) -> String {
    let names = [
      "id", "state", "provider_status", "model", "model_version", "workflow", "step", "revision",
      "created_at", "started_at", "completed_at", "updated_at", "error", "metrics", "input", "output",
      "data_removed", "bodies_erased_at",
    ]
    return names.compactMap { name in job.text(name).map { padded(name, to: 16) + Terminal.visible($0) } }
      .joined(separator: "\n")
  }

  static func table(columns: [String], rows: [[String]]) -> String {
    let cells = [columns] + rows.map { $0.map { Terminal.visible($0) } }
    let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    return cells.map { row in
      row.enumerated().map { padded($1, to: widths[$0]) }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  static func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
