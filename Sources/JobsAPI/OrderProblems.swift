package import GroupCommit
internal import HTTPWire
internal import JobRequests
internal import Replicate
package import Routing

/// The refusals of requests about jobs, as their senders receive them.
extension Problem {
  package static let jobNotFound = Problem(
    .notFound, .jobNotFound,
    "there is no job with this id: none was created here, and no delivery has named one")

  package static let queueFull = Problem(
    .tooManyRequests, .queueFull,
    "as many jobs wait to be sent as MAX_QUEUED_ORDERS allows: send it again later",
    fields: [("Retry-After", "60")])

  /// The refusal of a request whose id or key an earlier one has.
  static func otherRequest(isOfKey: Bool, _ body: [UInt8], than earlier: [UInt8]) -> Problem {
    guard !earlier.isEmpty else {
      return Problem(
        .conflict, .conflict, "a prediction that was not created here has this `id`: choose another")
    }
    let member = RequestDifference.firstMember(of: body.span, comparedWith: earlier.span)
    // Retries of two jobs may have the same members.
    let difference = ": `\(member ?? "retry_of")` differs"
    return isOfKey
      ? Problem(
        .unprocessableContent, .idempotencyMismatch,
        "another request came before with this Idempotency-Key\(difference); choose another key")
      : Problem(
        .conflict, .conflict, "another request came before with this `id`\(difference); choose another id")
  }

  init(_ error: PredictionRequestError) {
    switch error {
    case .malformedJSON: self.init(.badRequest, .malformedJSON, "\(error)")
    case .invalid, .inputTooLarge: self.init(.unprocessableContent, .invalidRequest, "\(error)")
    }
  }
}

extension Problem {
  /// The refusal of a request of which nothing was stored.
  package init(_ failure: RecordingFailure) {
    switch failure {
    case .overloaded:
      self = .unavailable(.overloaded, "too much waits to be stored: send it again")
    case .unavailable(let cause):
      self = .unavailable(
        .storeUnavailable, "the request could not be stored: send it again", reason: "\(cause)")
    }
  }
}

extension Result where Failure == RecordingFailure {
  /// The result of a commit. Throws the refusal of a request of which nothing was stored.
  package func value() throws(Problem) -> Success {
    do throws(RecordingFailure) {
      return try get()
    } catch {
      throw Problem(error)
    }
  }
}
