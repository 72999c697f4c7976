internal import Crypto

/// Signs messages with one secret, or with several while they rotate.
///
/// It keeps the keyed contexts. Use it on one thread at a time.
package struct Signer {
  private let contexts: [HMACContext]

  /// Nil if OpenSSL cannot create an HMAC-SHA256.
  package init?(_ secret: Secret) {
    self.init([secret])
  }

  /// A signer whose messages any of the secrets verifies; nil without secrets too.
  package init?(_ secrets: [Secret]) {
    let contexts = secrets.compactMap { HMACContext(key: $0.key) }
    guard !contexts.isEmpty, contexts.count == secrets.count else { return nil }
    self.contexts = contexts
  }

  /// Signs one delivery; see ``sign(id:timestamp:body:)``.
  package static func sign(id: String, timestamp: String, body: Span<UInt8>, with secret: Secret) -> String? {
    Signer(secret)?.sign(id: id, timestamp: timestamp, body: body)
  }

  /// The value of `webhook-signature`, one `v1` entry a secret; nil if OpenSSL fails.
  package func sign(id: String, timestamp: String, body: Span<UInt8>) -> String? {
    let prefix = SignatureHeaders.signedPrefix(id: id, timestamp: timestamp)
    var entries: [String] = []
    for context in contexts {
      guard let mac = context.authenticate(prefix.span, body) else { return nil }
      entries.append("v1," + Base64.encode(mac))
    }
    return entries.joined(separator: " ")
  }

  /// The three fields of a signed message; nil if OpenSSL fails.
  ///
  /// - Parameter time: seconds since 1970.
  package func headers(id: String, time: Int64, body: Span<UInt8>) -> SignatureHeaders? {
    let timestamp = String(time)
    return sign(id: id, timestamp: timestamp, body: body).map {
      SignatureHeaders(id: id, timestamp: timestamp, signature: $0)
    }
  }
}
