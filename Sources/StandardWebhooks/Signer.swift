/// Signs deliveries, as the provider does: for sending samples in development, and for tests.
package enum Signer {
  /// The value of `webhook-signature`, one `v1` entry; nil where OpenSSL cannot make an HMAC-SHA256.
  package static func sign(id: String, timestamp: String, body: Span<UInt8>, with secret: Secret) -> String? {
    guard let context = HMACContext(key: secret.key) else { return nil }
    let prefix = SignatureHeaders.signedPrefix(id: id, timestamp: timestamp)
    return context.authenticate(prefix.span, body).map { "v1," + Base64.encode($0) }
  }
}
