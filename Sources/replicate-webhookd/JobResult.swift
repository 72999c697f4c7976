import JSONText
import Jobs

/// What became of a job, for the standard output and the exit status of a command.
struct JobResult {
  let job: JSONDocument

  static func hasEnded(_ job: JSONDocument) -> Bool {
    job.text("state").flatMap(JobState.init)?.isTerminal ?? false
  }

  /// What it made: a string as it is; of strings, URLs one a line and anything else joined, for then they are the pieces of
  /// a text; any other value as its JSON. Nil where there is none.
  var output: String? { job.value("output").map(text) }

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

  /// Nil where the job has succeeded.
  var failure: CommandFailure? {
    let id = job.text("id") ?? "the job"
    let error = job.object("error")
    let reason = [error?.text("code"), error?.text("message")].compactMap(\.self).joined(separator: ": ")
    let colon = reason.isEmpty ? "" : ": "
    switch job.text("state").flatMap(JobState.init) {
    case .succeeded: return nil
    case .canceled:
      return CommandFailure(Terminal.visible("\(id) was canceled\(colon)\(reason)"), code: .canceled)
    case .failed, .pending, .running, .stale, nil:
      return CommandFailure(Terminal.visible("\(id) failed\(colon)\(reason)"), code: .failure)
    }
  }

  /// Prints the output, or the whole job, and ends the command as the job has ended.
  func report(asJSON: Bool) throws(CommandFailure) {
    let failure = failure
    if asJSON {
      Terminal.print(json: job.bytes)
    } else if failure == nil, let output {
      Terminal.print(output)
    }
    if let failure { throw failure }
  }
}
