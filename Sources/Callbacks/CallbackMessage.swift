internal import HTTPClient
internal import JSONText
internal import StandardWebhooks
internal import Time

/// The request of a try, and what its answer means.
enum CallbackMessage {
  /// From the start of a try to the last byte of its answer.
  static let timeout = Duration.seconds(15)
  private static let maxAnswerBytes = 64 * 1024
  private static let maxReasonBytes = 200

  /// The body: the event, and the job or other subject as it is now.
  static func body(of row: CallbackRow, document: [UInt8]) -> [UInt8] {
    var writer = JSONWriter(capacity: document.count + 128)
    writer.object { object in
      object.member("type", string: row.type.name)
      object.member("timestamp", string: row.occurredAt.rfc3339)
      // The document ends with a line break.
      object.member("data", raw: document.last == UInt8(ascii: "\n") ? document.dropLast() : document[...])
    }
    return writer.bytes
  }

  /// Nil if OpenSSL cannot sign.
  static func request(
    for claim: CallbackClaim, body: [UInt8], signer: Signer, at now: Timestamp
  ) -> HTTPClientRequest? {
    let headers = signer.headers(id: claim.row.id, time: now.milliseconds / 1000, body: body.span)
    guard let headers else { return nil }
    var request = HTTPClientRequest(
      .post, claim.receiver.url.text,
      fields: ["Content-Type: application/json", "User-Agent: replicate-webhookd"] + headers.lines, body: body
    )
    request.addresses = claim.receiver.addresses
    request.timeout = timeout
    request.maxBodyBytes = maxAnswerBytes
    // What is behind the status is read only to use the connection again.
    request.truncatesBody = true
    return request
  }

  static func outcome(of result: Result<HTTPClientResponse, HTTPClientError>) -> CallbackOutcome {
    switch result {
    case .success(let answer): outcome(of: answer.status, retryAfter: answer.retryAfter)
    case .failure(.oversized(let status)): outcome(of: status, retryAfter: nil)
    case .failure(let error):
      .refused(
        CallbackFailure(status: nil, reason: String("\(error)".prefix(maxReasonBytes))), retryAfter: nil)
    }
  }

  private static func outcome(of status: Int, retryAfter: String?) -> CallbackOutcome {
    switch status {
    case 200...299: .accepted(status: status)
    // RFC 9110 section 15.5.11: it is gone, and will not come back.
    case 410: .rejected(CallbackFailure(status: status, reason: "answered 410"))
    case 300...399:
      .refused(
        CallbackFailure(status: status, reason: "answered \(status); redirects are not followed"),
        retryAfter: nil)
    default:
      .refused(
        CallbackFailure(status: status, reason: "answered \(status)"),
        retryAfter: retryAfter.flatMap { Int64($0) })
    }
  }
}
