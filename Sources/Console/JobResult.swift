internal import JSONText
internal import Jobs

/// A job's result, as standard output and exit status of a command.
package struct JobResult {
  package let job: JSONDocument

  package init(job: JSONDocument) { self.job = job }

  package static func hasEnded(_ job: JSONDocument) -> Bool {
    job.text("state").flatMap(JobState.init)?.isTerminal ?? false
  }

  /// The job's output as text; nil if there is none.
  ///
  /// A string is printed as it is. Of an array of strings, URLs get a line each; other strings are pieces of
  /// one text and are joined. Any other value is printed as its JSON.
  package var output: String? { job.value("output").map(text) }

  private func text(of value: JSONValue) -> String {
    guard value.kind == .array else { return job.text(value) }
    let elements = job.elements(value)
    guard !elements.isEmpty, elements.allSatisfy({ $0.kind == .string }) else { return job.text(value) }
    let texts = elements.map(job.text)
    return texts.joined(separator: texts.allSatisfy(Self.isURL) ? "\n" : "")
  }

  private static func isURL(_ text: String) -> Bool {
    ["https://", "http://", "data:"].contains { text.hasPrefix($0) }
      && !text.unicodeScalars.contains { $0.properties.isWhitespace }
  }

  /// The command's failure; nil if the job succeeded.
  package var failure: CommandFailure? {
    let id = job.text("id") ?? "the job"
    let error = job.object("error")
    // Of a workflow.
    let step = error?.text("step").map { "step \($0)" }
    let reason = [step, error?.text("code"), error?.text("message")].compactMap(\.self)
      .joined(separator: ": ")
    let colon = reason.isEmpty ? "" : ": "
    switch job.text("state").flatMap(JobState.init) {
    case .succeeded: return nil
    case .canceled:
      return CommandFailure(Terminal.visible("\(id) was canceled\(colon)\(reason)"), code: .canceled)
    case .failed, .pending, .running, .stale, nil:
      return CommandFailure(Terminal.visible("\(id) failed\(colon)\(reason)"), code: .failure)
    }
  }

  /// Prints the output or the whole job, and throws unless it succeeded.
  package func report(asJSON: Bool) throws(CommandFailure) {
    let failure = failure
    if asJSON {
      Terminal.print(json: job.bytes)
    } else if failure == nil, let output {
      Terminal.print(output)
    }
    if let failure { throw failure }
  }
}
