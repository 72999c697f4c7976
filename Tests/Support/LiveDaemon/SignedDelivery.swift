import Foundation
import StandardWebhooks

/// A signed delivery as Replicate sends it.
package struct SignedDelivery {
  package let id: String
  package let body: [UInt8]
  /// The header lines `name: value`, for a request that the caller writes.
  package let fields: [String]
  package let request: [UInt8]

  /// - Parameter age: how many seconds the timestamp lies in the past.
  package init(id: String, body: [UInt8], secret: String = Daemon.secret, age: Int = 0) throws {
    self.id = id
    self.body = body
    let timestamp = String(Int(Date().timeIntervalSince1970) - age)
    let signature = Signer.sign(id: id, timestamp: timestamp, body: body.span, with: try Secret(secret))
    guard let signature else { throw Unusable("nothing can be signed") }
    fields = [
      "Content-Type: application/json", "webhook-id: \(id)", "webhook-timestamp: \(timestamp)",
      "webhook-signature: \(signature)",
    ]
    let lines = ["POST /webhooks/replicate HTTP/1.1", "Host: a", "Content-Length: \(body.count)"] + fields
    request = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
  }

  package init(
    id: String, prediction: String, status: String, logs: String = "", secret: String = Daemon.secret
  ) throws {
    try self.init(
      id: id,
      body: Array(#"{"id":"\#(prediction)","status":"\#(status)","output":"o","logs":"\#(logs)"}"#.utf8),
      secret: secret)
  }
}
