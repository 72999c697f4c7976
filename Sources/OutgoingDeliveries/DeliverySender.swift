package import HTTPClient
package import StandardWebhooks
internal import Time

/// A delivery to sign and send.
package struct OutgoingDelivery {
  package let label: String
  package let webhookID: String
  package let body: [UInt8]
  package var ageSeconds: Int64
  package var signatureIsBroken: Bool
  package var expectedStatus: Int

  package init(
    label: String, webhookID: String, body: [UInt8], ageSeconds: Int64 = 0, signatureIsBroken: Bool = false,
    expectedStatus: Int = 200
  ) {
    self.label = label
    self.webhookID = webhookID
    self.body = body
    self.ageSeconds = ageSeconds
    self.signatureIsBroken = signatureIsBroken
    self.expectedStatus = expectedStatus
  }
}

/// Signs deliveries by the Standard Webhooks scheme, and posts them.
package struct DeliverySender {
  private let url: String
  private let signer: Signer
  private let userAgent: String
  private let client: BlockingHTTPClient
  private let timeout: Duration?

  /// The start of an answer, which is shown.
  private static let maxAnswerBytes = 64 * 1024

  /// - Parameters:
  ///   - timeout: of one delivery; nil: that of the client.
  ///   - isCanceled: see ``BlockingHTTPClient``.
  package init(
    url: String, secret: Secret, userAgent: String, timeout: Duration? = nil,
    isCanceled: @escaping @Sendable () -> Bool = { false }
  ) throws(HTTPClientError) {
    guard let signer = Signer(secret) else { throw .unsent("OpenSSL offers no HMAC-SHA256") }
    self.url = url
    self.signer = signer
    self.userAgent = userAgent
    self.timeout = timeout
    client = try BlockingHTTPClient(isCanceled: isCanceled)
  }

  package func send(_ delivery: OutgoingDelivery) throws(HTTPClientError) -> HTTPClientResponse {
    // A signature over a different id is well-formed and invalid.
    let signedID = delivery.signatureIsBroken ? delivery.webhookID + "-forged" : delivery.webhookID
    let time = WallClock.milliseconds / 1000 - delivery.ageSeconds
    guard let signed = signer.headers(id: signedID, time: time, body: delivery.body.span) else {
      throw .unsent("OpenSSL offers no HMAC-SHA256")
    }
    let headers = SignatureHeaders(
      id: delivery.webhookID, timestamp: signed.timestamp, signature: signed.signature)
    var request = HTTPClientRequest(
      .post, url, fields: ["Content-Type: application/json", "User-Agent: \(userAgent)"] + headers.lines,
      body: delivery.body)
    request.maxBodyBytes = Self.maxAnswerBytes
    request.truncatesBody = true
    if let timeout { request.timeout = timeout }
    return try client.send(request)
  }
}

/// Random identifiers.
package enum RandomID {
  /// Letters and digits of the alphabet of Replicate's ids.
  package static func make(length: Int) -> String {
    String((0..<length).compactMap { _ in "abcdefghjkmnpqrstvwxyz0123456789".randomElement() })
  }
}
