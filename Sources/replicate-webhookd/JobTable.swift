/// Answers of the API as text for a terminal.
enum JobTable {
  static func list(_ document: JSONDocument) -> String {
    let jobs = document.objects("jobs")
    guard !jobs.isEmpty else { return "no jobs" }
    var text = table(
      columns: ["ID", "STATE", "STATUS", "MODEL", "UPDATED"],
      rows: jobs.map { job in
        ["id", "state", "provider_status", "model", "updated_at"].map { job.text($0) ?? "-" }
      })
    if let next = document.text("next") { text += "\nmore: --after \(next)" }
    return text
  }

  static func history(_ document: JSONDocument) -> String {
    table(
      columns: ["RECEIVED", "STATUS", "OUTCOME", "STATE", "REVISION", "WEBHOOK-ID"],
      rows: document.objects("deliveries").map { entry in
        ["received_at", "provider_status", "outcome", "state", "revision", "webhook_id"].map {
          entry.text($0) ?? "-"
        }
      })
  }

  static func details(_ job: JSONDocument) -> String {
    let names = [
      "id", "state", "provider_status", "model", "model_version", "revision", "created_at", "started_at",
      "completed_at", "updated_at", "error", "metrics", "input", "output",
    ]
    return names.compactMap { name in job.text(name).map { padded(name, to: 16) + visible($0) } }
      .joined(separator: "\n")
  }

  private static func table(columns: [String], rows: [[String]]) -> String {
    let cells = [columns] + rows.map { $0.map(visible) }
    let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    return cells.map { row in
      row.enumerated().map { padded($1, to: widths[$0]) }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  private static func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// Without control characters, which could move the cursor of the terminal or repaint it.
  private static func visible(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.properties.generalCategory == .control ? "·" : $0 }))
  }
}
