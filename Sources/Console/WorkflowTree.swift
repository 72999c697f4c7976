/// Formats workflows of the jobs API for a terminal: each step below the last one that it needs.
///
///     poster-7  running
///     ├─ image     succeeded
///     │  └─ upscale   running  40 %
///     └─ prompt    failed  unknown: the model gave no reason
package struct WorkflowTree {
  private let workflow: JSONDocument
  private let steps: [JSONDocument]
  /// The positions below each step; those at the top below nil.
  private var children: [Int?: [Int]] = [:]

  package init(of workflow: JSONDocument) {
    self.workflow = workflow
    steps = workflow.objects("steps")
    let positions = Dictionary(
      steps.enumerated().map { (Self.name(of: $1), $0) }, uniquingKeysWith: { first, _ in first })
    let needs = steps.map { step in
      step.elements(step.value("needs")).compactMap { positions[step.text($0)] }
    }
    var depths: [Int: Int] = [:]
    // A step may stand before what it needs, so this takes as many rounds as the longest path.
    for _ in steps {
      for (step, needed) in needs.enumerated() {
        depths[step] = needed.map { (depths[$0] ?? 0) + 1 }.max() ?? 0
      }
    }
    for (step, needed) in needs.enumerated() {
      children[needed.max { (depths[$0] ?? 0) < (depths[$1] ?? 0) }, default: []].append(step)
    }
  }

  /// The lines, with escapes for what a terminal must not interpret.
  package var lines: [String] {
    let head =
      ["id", "state"].compactMap(workflow.text)
      + [workflow.text("stopping").map { "(\($0))" }].compactMap(\.self)
    var lines = [Terminal.visible(head.joined(separator: "  "))]
    append(below: nil, indent: "", to: &lines)
    return lines
  }

  private func append(below parent: Int?, indent: String, to lines: inout [String]) {
    let below = children[parent] ?? []
    for (index, step) in below.enumerated() {
      let isLast = index == below.count - 1
      lines.append(indent + (isLast ? "└─ " : "├─ ") + Self.summary(of: steps[step]))
      append(below: step, indent: indent + (isLast ? "   " : "│  "), to: &lines)
    }
  }

  /// The state of each step, for outputs that show changes line by line.
  package var states: [(name: String, summary: String)] {
    steps.map { (Self.name(of: $0), Self.words(of: $0, hasProgress: false)) }
  }

  private static func name(of step: JSONDocument) -> String { step.text("name") ?? "-" }

  private static func summary(of step: JSONDocument) -> String {
    JobTable.padded(Terminal.visible(name(of: step)), to: 20) + "  " + words(of: step, hasProgress: true)
  }

  private static func words(of step: JSONDocument, hasProgress: Bool) -> String {
    var words = [step.text("state") ?? "unknown"]
    if let reason = step.text("because") { words.append("because of \(reason)") }
    if let items = step.object("items") {
      words.append("\(items.text("succeeded") ?? "0") of \(items.text("total") ?? "0")")
      if let failed = items.text("failed"), failed != "0" { words.append("\(failed) failed") }
    }
    if hasProgress, let progress = JobProgress.percentage(of: step) { words.append(progress) }
    if let model = step.text("used") { words.append("with \(model)") }
    if step.text("stale") == "true" { words.append("stale") }
    if let error = step.object("error") {
      words.append([error.text("code"), error.text("message")].compactMap(\.self).joined(separator: ": "))
    }
    return Terminal.visible(words.joined(separator: "  "))
  }

  /// A page of the list.
  package static func list(_ document: JSONDocument) -> String {
    let workflows = document.objects("workflows")
    guard !workflows.isEmpty else { return "no workflows" }
    let rows = workflows.map { workflow in
      let steps = workflow.objects("steps")
      let ended = steps.count { ["succeeded", "skipped"].contains($0.text("state")) }
      return [
        workflow.text("id"), workflow.text("state"), "\(ended) of \(steps.count)",
        workflow.text("updated_at"),
      ]
      .map { $0 ?? "-" }
    }
    var text = JobTable.table(columns: ["ID", "STATE", "STEPS", "UPDATED"], rows: rows)
    if let next = document.text("next") { text += "\nmore: --after \(next)" }
    return text
  }
}
