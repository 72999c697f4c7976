/// A workflow's result, as standard output and exit status of a command.
package struct WorkflowResult {
  private let workflow: JSONDocument

  package init(_ workflow: JSONDocument) { self.workflow = workflow }

  /// Prints the output or the whole workflow, and throws unless it succeeded.
  package func report(asJSON: Bool) throws(CommandFailure) {
    let id = workflow.text("id").map { Terminal.visible($0) } ?? "ID"
    if let code = workflow.text("output_error").map({ Terminal.visible($0) }) {
      Terminal.error(
        "\(id) has no output: \(code); `replicate-webhookd workflow show \(id) --json` has those of its steps"
      )
    }
    do throws(CommandFailure) {
      try JobResult(job: workflow).report(asJSON: asJSON)
    } catch {
      throw CommandFailure(
        "\(error.description); `replicate-webhookd workflow resume \(id) --follow` runs what has not "
          + "succeeded",
        code: error.code)
    }
  }
}
