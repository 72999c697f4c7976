internal import Routing
internal import GroupCommit
internal import HTTPWire
internal import Replicate
internal import StandardWebhooks
internal import StoreSeam

/// The refusals of a delivery, as its sender receives them.
extension Problem {
  /// A 401 with its challenge, which names the accepted scheme (RFC 9110 section 11.6.1).
  static func unauthenticated(_ code: ProblemCode, _ detail: String, reason: String? = nil) -> Problem {
    Problem(
      .unauthorized, code, detail, reason: reason,
      fields: [("WWW-Authenticate", #"StandardWebhooks realm="webhooks""#)])
  }

  init(_ error: VerificationError) {
    let reason = "\(error)"
    switch error {
    case .malformedTimestamp, .outOfRange:
      self = .unauthenticated(
        .timestampOutOfRange, "webhook-timestamp is not a time close to this server's clock", reason: reason)
    case .malformedID, .noUsableSignature, .mismatch:
      self = .unauthenticated(
        .signatureMismatch, "webhook-signature does not fit the body and the secret of this receiver",
        reason: reason)
    }
  }

  /// The exact fault: the signature held, so the sender may know it.
  init(_ error: PredictionError) {
    switch error {
    case .malformedJSON: self.init(.badRequest, .malformedJSON, "\(error)")
    case .missingField: self.init(.badRequest, .missingField, "\(error)")
    }
  }

  init(_ failure: RecordingFailure) {
    switch failure {
    case .overloaded:
      self = .unavailable(.overloaded, "too many deliveries wait to be stored: send it again")
    case .unavailable(let error):
      self = .unavailable(
        .storeUnavailable, "the delivery could not be stored: send it again", reason: "\(error)")
    }
  }
}
