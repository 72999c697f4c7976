internal import Crypto

/// Signs deliveries, as the provider does: for sending samples in development, and for tests.
///
/// Keeps what OpenSSL makes of the secret. One thread at a time.
package struct Signer {
  private let context: HMACContext

  /// Nil where OpenSSL cannot make an HMAC-SHA256.
  package init?(_ secret: Secret) {
    guard let context = HMACContext(key: secret.key) else { return nil }
    self.context = context
  }

  /// For one delivery: see ``sign(id:timestamp:body:)``.
  package static func sign(id: String, timestamp: String, body: Span<UInt8>, with secret: Secret) -> String? {
    Signer(secret)?.sign(id: id, timestamp: timestamp, body: body)
  }

  /// The value of `webhook-signature`, one `v1` entry; nil where OpenSSL cannot make an HMAC-SHA256.
  package func sign(id: String, timestamp: String, body: Span<UInt8>) -> String? {
    let prefix = SignatureHeaders.signedPrefix(id: id, timestamp: timestamp)
    return context.authenticate(prefix.span, body).map { "v1," + Base64.encode($0) }
  }
}
