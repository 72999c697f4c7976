/// The error codes of workflows, beside those of jobs.
package enum WorkflowErrorCode {
  package static let gateRefused = "gate_refused"
  package static let unresolvedReference = "unresolved_reference"
  package static let tooManyItems = "too_many_items"
  package static let inputTooLarge = "input_too_large"
  package static let outputExpired = "output_expired"
  package static let limitReached = "limit_reached"
  package static let deadline = "deadline"
  package static let upstreamFailed = "upstream_failed"
  /// Another job has the id of a step's job.
  package static let conflict = "conflict"
  package static let canceled = "canceled"
}

/// Why a step, an item or a workflow has failed.
package struct WorkflowError: Hashable, Sendable {
  package let code: String
  package let message: String?
  /// The step's name. Nil in a step itself, and where no step is to blame.
  package var step: String?
  /// The job that has failed. Nil where none was ordered.
  package let jobID: String?

  package init(code: String, message: String?, step: String? = nil, jobID: String? = nil) {
    self.code = code
    self.message = message
    self.step = step
    self.jobID = jobID
  }

  package init(_ fault: ResolutionFault) { self.init(code: fault.code, message: fault.message) }
}
