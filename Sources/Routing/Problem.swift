package import HTTPServer
package import HTTPWire
internal import JSONText

/// The codes of all refusals: stable names, which clients and alerts may rely on.
package enum ProblemCode: String, CaseIterable, Sendable {
  // A delivery.
  case malformedJSON = "malformed_json"
  case missingField = "missing_field"
  case missingSignature = "missing_signature"
  case signatureMismatch = "signature_mismatch"
  case timestampOutOfRange = "timestamp_out_of_range"
  case storeUnavailable = "store_unavailable"
  case overloaded
  // The jobs API.
  case jobNotFound = "job_not_found"
  case invalidParameter = "invalid_parameter"
  case invalidRequest = "invalid_request"
  case unsupportedMediaType = "unsupported_media_type"
  case conflict
  case queueFull = "queue_full"
  case notConfigured = "not_configured"
  case unauthorized
  case hostNotAllowed = "host_not_allowed"
  case originNotAllowed = "origin_not_allowed"
  case proxyNotAllowed = "proxy_not_allowed"
  case draining
  // Any request.
  case notFound = "not_found"
  case methodNotAllowed = "method_not_allowed"
  case methodNotImplemented = "method_not_implemented"
  case lengthRequired = "length_required"
  case bodyTooLarge = "body_too_large"
  case requestTimeout = "request_timeout"
  case malformedRequest = "malformed_request"
}

/// A refusal that explains itself: `application/problem+json` (RFC 9457).
package struct Problem: Error, Sendable {
  package let status: Status
  package let code: ProblemCode
  /// One sentence for the sender: the cause and, where there is one, the fix. Never a value that was sent.
  package let detail: String
  /// What the log says beyond that: exact causes are for the operator, not for whoever sends.
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
  package static let notFound = Problem(.notFound, .notFound, "there is nothing at this path")

  package static let methodNotImplemented = Problem(
    .notImplemented, .methodNotImplemented, "HTTP has no such method (RFC 9110 section 9.1)")

  /// RFC 9110 section 15.5.16: the answer says which codings are taken.
  static let contentCoded = Problem(
    .unsupportedMediaType, .unsupportedMediaType,
    "the body is compressed: send it as it is, without Content-Encoding",
    fields: [("Accept-Encoding", "identity")])

  /// RFC 9110 section 15.5.6: the answer names what is allowed.
  package static func methodNotAllowed(allow methods: String) -> Problem {
    Problem(
      .methodNotAllowed, .methodNotAllowed, "this path answers \(methods)", fields: [("Allow", methods)])
  }

  /// Senders give up about a minute after a prediction has ended: they should be back well before.
  package static func unavailable(_ code: ProblemCode, _ detail: String, reason: String? = nil) -> Problem {
    Problem(.serviceUnavailable, code, detail, reason: reason, fields: [("Retry-After", "5")])
  }
}

extension RequestHead {
  package func requireMethod(among methods: [Method]) throws(Problem) {
    guard methods.contains(method) else {
      throw .methodNotAllowed(allow: methods.map(\.name).joined(separator: ", "))
    }
  }

  /// A body that is compressed is another than the one that is wanted, and what it becomes has no bound.
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
      self.init(.badRequest, .malformedRequest, "this port speaks TLS: use https")
    case .tooManyConnections:
      self = .unavailable(.overloaded, "this server holds as many connections as it may: try again")
    case .tooManyConnectionsOfAddress:
      self = .unavailable(
        .overloaded, "your address holds as many connections as one may: close some, or try again")
    case .evicted:
      self = .unavailable(.overloaded, "the request took long and its place was needed: send it again")
    }
  }
}
