internal import Bytes
internal import JobRequests

/// The id of a workflow's job: `w-<workflow>-<step>-<item>-<attempt>[-f<fallback>]`.
///
/// It is a function of the job's place, so ordering a step twice is the same job. Two places never have the
/// same id, because no step's name has a hyphen. It has at most 64 characters up to attempt 9,999,999,999.
package struct WorkflowJobID: Hashable, Sendable {
  package let workflow: String
  package let step: String
  package let item: Int
  package let attempt: Int
  /// 0 for the step's own model.
  package let fallback: Int

  package init(workflow: String, step: String, item: Int, attempt: Int, fallback: Int = 0) {
    self.workflow = workflow
    self.step = step
    self.item = item
    self.attempt = attempt
    self.fallback = fallback
  }

  package var text: String {
    "w-\(workflow)-\(step)-\(item)-\(attempt)" + (fallback > 0 ? "-f\(fallback)" : "")
  }

  /// Reads an id from its end. Nil for an id of another form.
  package init?(_ text: String) {
    guard text.utf8.count <= 64 else { return nil }
    var parts = text.split(separator: "-", omittingEmptySubsequences: false)
    var fallback = 0
    if let last = parts.last, last.first == "f", parts.count > 5, let number = Self.number(last.dropFirst()) {
      fallback = number
      parts.removeLast()
    }
    guard parts.count >= 5, parts.first == "w", let attempt = Self.number(parts[parts.count - 1]),
      let item = Self.number(parts[parts.count - 2])
    else { return nil }
    self.init(
      workflow: parts[1..<parts.count - 3].joined(separator: "-"), step: String(parts[parts.count - 3]),
      item: item, attempt: attempt, fallback: fallback)
    guard self.text.utf8.elementsEqual(text.utf8), !workflow.isEmpty, !step.isEmpty else { return nil }
  }

  private static func number(_ text: some StringProtocol) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0.decimalDigit != nil }) else { return nil }
    return Int(text)
  }
}

/// Generated ids of workflows, where the app chose none.
package enum WorkflowID {
  private static let length = 24

  /// 120 random bits, so that ids do not collide.
  package static func make(using generator: inout some RandomNumberGenerator) -> String {
    String(JobID.make(using: &generator).prefix(length))
  }
}
