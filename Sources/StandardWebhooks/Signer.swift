internal import Crypto

/// Signs deliveries like the provider, for samples in development and for tests.
///
/// It keeps the keyed context. Use it on one thread at a time.
package struct Signer {
  private let context: HMACContext

  /// Nil if OpenSSL cannot create an HMAC-SHA256.
  package init?(_ secret: Secret) {
    guard let context = HMACContext(key: secret.key) else { return nil }
    self.context = context
  }

  /// Signs one delivery; see ``sign(id:timestamp:body:)``.
  package static func sign(id: String, timestamp: String, body: Span<UInt8>, with secret: Secret) -> String? {
    Signer(secret)?.sign(id: id, timestamp: timestamp, body: body)
  }

  /// The value of `webhook-signature`, one `v1` entry; nil if OpenSSL fails.
  package func sign(id: String, timestamp: String, body: Span<UInt8>) -> String? {
    let prefix = SignatureHeaders.signedPrefix(id: id, timestamp: timestamp)
    return context.authenticate(prefix.span, body).map { "v1," + Base64.encode($0) }
  }
}
