import HTTPClient
import StandardWebhooks

/// A delivery to sign and send.
struct OutgoingDelivery {
  let label: String
  let webhookID: String
  let body: [UInt8]
  var ageSeconds: Int64 = 0
  var signatureIsBroken = false
  var expectedStatus = 200
}

/// Signs deliveries as Replicate does, and posts them.
struct DeliverySender {
  private let url: String
  private let secret: Secret
  private let client: BlockingHTTPClient

  init(url: String, secret: Secret) throws {
    self.url = url
    self.secret = secret
    do throws(HTTPClientError) {
      client = try BlockingHTTPClient()
    } catch {
      throw CommandFailure("\(error)", code: .failure)
    }
  }

  func send(_ delivery: OutgoingDelivery) throws -> HTTPClientResponse {
    let timestamp = String(WallTime.seconds - delivery.ageSeconds)
    // A signature over a different id is well-formed and invalid.
    let signedID = delivery.signatureIsBroken ? delivery.webhookID + "-forged" : delivery.webhookID
    guard
      let signature = Signer.sign(id: signedID, timestamp: timestamp, body: delivery.body.span, with: secret)
    else { throw CommandFailure("OpenSSL offers no HMAC-SHA256", code: .failure) }
    let request = HTTPClientRequest(
      .post, url,
      fields: [
        "Content-Type: application/json", "User-Agent: replicate-webhookd/\(Version.current)",
      ] + SignatureHeaders(id: delivery.webhookID, timestamp: timestamp, signature: signature).lines,
      body: delivery.body)
    do throws(HTTPClientError) {
      return try client.send(request)
    } catch {
      throw CommandFailure("\(url): \(error)", code: .unavailable)
    }
  }
}

/// Random identifiers.
enum RandomID {
  /// Letters and digits of the alphabet of Replicate's ids.
  static func make(length: Int) -> String {
    String((0..<length).compactMap { _ in "abcdefghjkmnpqrstvwxyz0123456789".randomElement() })
  }
}
