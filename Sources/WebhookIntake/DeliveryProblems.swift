internal import Routing
internal import GroupCommit
internal import HTTPServer
internal import HTTPWire
internal import Replicate
internal import StandardWebhooks
internal import Store

/// What each way to refuse a delivery is to its sender.
extension Problem {
  /// RFC 9110 section 11.6.1: a 401 carries a challenge. Ours names the scheme that would be accepted.
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

  /// The signature was right, so the sender may know exactly what is wrong.
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
