package import HTTPServer
package import HTTPWire
internal import JSONText

/// The codes of all refusals. Clients and alerts may rely on these names.
package enum ProblemCode: String, CaseIterable, Sendable {
  // Of deliveries.
  case malformedJSON = "malformed_json"
  case missingField = "missing_field"
  case missingSignature = "missing_signature"
  case signatureMismatch = "signature_mismatch"
  case timestampOutOfRange = "timestamp_out_of_range"
  case storeUnavailable = "store_unavailable"
  case overloaded
  // Of the jobs API.
  case jobNotFound = "job_not_found"
  case cursorExpired = "cursor_expired"
  case invalidParameter = "invalid_parameter"
  case invalidRequest = "invalid_request"
  case unsupportedMediaType = "unsupported_media_type"
  case conflict
  case idempotencyMismatch = "idempotency_mismatch"
  case queueFull = "queue_full"
  case notConfigured = "not_configured"
  case unauthorized
  case tooManyAttempts = "too_many_attempts"
  case insufficientScope = "insufficient_scope"
  case hostNotAllowed = "host_not_allowed"
  case originNotAllowed = "origin_not_allowed"
  case proxyNotAllowed = "proxy_not_allowed"
  case draining
  // Of kept files.
  case notStoredYet = "not_stored_yet"
  case fileNotFound = "file_not_found"
  case fileGone = "file_gone"
  case notEnded = "not_ended"
  case preconditionFailed = "precondition_failed"
  case rangeNotSatisfiable = "range_not_satisfiable"
  // Of workflows.
  case invalidWorkflow = "invalid_workflow"
  case workflowNotFound = "workflow_not_found"
  case outputExpired = "output_expired"
  // Of any request.
  case tooManyStreams = "too_many_streams"
  case notFound = "not_found"
  case methodNotAllowed = "method_not_allowed"
  case methodNotImplemented = "method_not_implemented"
  case lengthRequired = "length_required"
  case bodyTooLarge = "body_too_large"
  case requestTimeout = "request_timeout"
  case malformedRequest = "malformed_request"
}

/// A refusal as a problem document: `application/problem+json` (RFC 9457).
package struct Problem: Error, Sendable {
  package let status: Status
  package let code: ProblemCode
  /// One sentence for the sender: the cause and, where there is one, the fix.
  ///
  /// It never quotes a value of the request.
  package let detail: String
  /// The exact cause, which the log shows to the operator and the response does not show.
  package let reason: String?
  package let fields: [(name: String, value: String)]

  package init(
    _ status: Status, _ code: ProblemCode, _ detail: String, reason: String? = nil,
    fields: [(name: String, value: String)] = []
  ) {
    self.status = status
    self.code = code
    self.detail = detail
    self.reason = reason
    self.fields = fields
  }

  package var response: Response {
    var writer = JSONWriter()
    writer.object { object in
      object.member("type", string: "about:blank")
      object.member("title", string: status.reasonPhrase)
      object.member("status", integer: status.code)
      object.member("code", string: code.rawValue)
      object.member("detail", string: detail)
    }
    return Response(
      status: status, fields: [("Content-Type", "application/problem+json")] + fields, body: writer.bytes)
  }
}

extension Problem {
  static let notFound = Problem(.notFound, .notFound, "there is nothing at this path")

  static let methodNotImplemented = Problem(
    .notImplemented, .methodNotImplemented, "HTTP has no such method (RFC 9110 section 9.1)")

  /// RFC 9110 section 15.5.16: the response names the accepted codings.
  static let contentCoded = Problem(
    .unsupportedMediaType, .unsupportedMediaType,
    "the body is compressed: send it as it is, without Content-Encoding",
    fields: [("Accept-Encoding", "identity")])

  /// RFC 9110 section 15.5.6: the response names the allowed methods.
  static func methodNotAllowed(allow methods: String) -> Problem {
    Problem(
      .methodNotAllowed, .methodNotAllowed, "this path answers \(methods)", fields: [("Allow", methods)])
  }

  /// A 503 with a short `Retry-After`.
  ///
  /// Senders give up about a minute after a prediction has ended, so they should retry well before that.
  package static func unavailable(_ code: ProblemCode, _ detail: String, reason: String? = nil) -> Problem {
    Problem(.serviceUnavailable, code, detail, reason: reason, fields: [("Retry-After", "5")])
  }
}

extension RequestHead {
  /// Rejects a compressed body, whose content has no bound.
  package func requireIdentityCoding() throws(Problem) {
    let codings = fields.listMembers("content-encoding")
    guard codings.allSatisfy({ $0 == "identity" }) else { throw .contentCoded }
  }
}

extension Problem {
  package init(_ refusal: Refusal) {
    switch refusal {
    case .malformed(let error):
      self.init(error.status, error == .bodyTooLarge ? .bodyTooLarge : .malformedRequest, error.explanation)
    case .bodyTooLarge(let limit):
      self.init(.contentTooLarge, .bodyTooLarge, "the body is larger than \(limit) bytes, the limit here")
    case .timedOut:
      self.init(.requestTimeout, .requestTimeout, "the request did not come in time")
    case .notTLS:
      self.init(.badRequest, .malformedRequest, "this port requires TLS: use https")
    case .tooManyConnections:
      self = .unavailable(.overloaded, "this server holds as many connections as it may: try again")
    case .tooManyConnectionsOfAddress:
      self = .unavailable(
        .overloaded, "your address holds as many connections as one may: close some, or try again")
    case .tooManyStreams:
      self = .unavailable(.tooManyStreams, "this server serves as many streams as it may: try again")
    case .evicted:
      self = .unavailable(.overloaded, "the request took long and its place was needed: send it again")
    }
  }
}
