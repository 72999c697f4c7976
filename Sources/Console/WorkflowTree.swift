/// Formats workflows of the jobs API for a terminal: each step below the last one that it needs.
///
///     poster-7  running
///     ├─ image       succeeded
///     │  └─ upscale  running  40 %
///     └─ prompt      failed  unknown: the model gave no reason
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
    var rows: [(name: String, words: String)] = []
    append(below: nil, indent: "", to: &rows)
    let width = rows.map(\.name.count).max() ?? 0
    return [Terminal.visible(head.joined(separator: "  "))]
      + rows.map { JobTable.padded($0.name, to: width) + "  " + $0.words }
  }

  /// The state of the workflow itself.
  private var head: [String] {
    var words = [workflow.text("id") ?? "-", workflow.text("state") ?? "unknown"]
    if let attempt = workflow.text("attempt"), attempt != "1" { words.append("attempt \(attempt)") }
    if let reason = workflow.text("stopping") { words.append("stopping: \(reason)") }
    if let error = workflow.object("error"), error.text("step") == nil { words.append(Self.words(of: error)) }
    if let code = workflow.text("output_error") { words.append("no output: \(code)") }
    return words
  }

  /// The code and the message.
  private static func words(of error: JSONDocument) -> String {
    [error.text("code"), error.text("message")].compactMap(\.self).joined(separator: ": ")
  }

  private func append(below parent: Int?, indent: String, to rows: inout [(name: String, words: String)]) {
    let below = children[parent] ?? []
    for (index, position) in below.enumerated() {
      let (isLast, step) = (index == below.count - 1, steps[position])
      rows.append(
        (
          indent + (isLast ? "└─ " : "├─ ") + Terminal.visible(Self.name(of: step)),
          Self.words(ofStep: step, hasProgress: true)
        ))
      append(below: position, indent: indent + (isLast ? "   " : "│  "), to: &rows)
    }
  }

  /// The state of each step, for outputs that show changes line by line.
  package var states: [(name: String, summary: String)] {
    steps.map { (Self.name(of: $0), Self.words(ofStep: $0, hasProgress: false)) }
  }

  private static func name(of step: JSONDocument) -> String { step.text("name") ?? "-" }

  private static func words(ofStep step: JSONDocument, hasProgress: Bool) -> String {
    var words = [step.text("state") ?? "unknown"]
    if let reason = step.text("because") { words.append("because of \(reason)") }
    if let items = step.object("items") {
      words.append("\(items.text("succeeded") ?? "0") of \(items.text("total") ?? "0")")
      if let failed = items.text("failed"), failed != "0" { words.append("\(failed) failed") }
    }
    if hasProgress, let progress = JobProgress.percentage(of: step) { words.append(progress) }
    if let model = step.text("used") { words.append("with \(model)") }
    if step.text("stale") == "true" { words.append("stale") }
    // Its failure does not fail the workflow.
    if step.text("optional") == "true", step.text("state") == "failed" { words.append("optional") }
    if let error = step.object("error") { words.append(Self.words(of: error)) }
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
