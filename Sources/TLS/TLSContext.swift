internal import COpenSSL

/// A listener's TLS configuration: certificate chain, key, versions, ciphers, tickets.
///
/// It is immutable. A reload creates another one, and connections of the old one continue.
///
/// `@unchecked Sendable`: OpenSSL counts references to the SSL_CTX and locks it, and nothing changes it after
/// `init`.
package final class TLSContext: @unchecked Sendable {
  /// The expiry of the server certificate, in seconds since 1970.
  package let notAfter: Int64
  /// The host names in the server certificate, for a log line: at most 100.
  package let names: [String]

  /// Lives as long as this object; sessions hold a reference of their own.
  let handle: OpaquePointer
  private let ticketKeysMadeAt: Int64

  /// AEAD ciphers with forward secrecy only, as RFC 9325 section 4.2 recommends for TLS 1.2.
  private static let tls12Ciphers = [
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
  ]
  private static let tls13Ciphers = [
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
  ]
  private static let groups = ["X25519", "P-256", "P-384"]
  /// Sessions resume only in the same context (SSL_CTX_set_session_id_context(3)).
  private static let sessionContext = Array("replicate-webhookd".utf8)

  /// Reads chain and key (PEM) and validates them.
  ///
  /// Everything is checked that would otherwise fail at the first client.
  ///
  /// - Parameters:
  ///   - now: seconds since 1970, for the validity check.
  ///   - previous: the context that this one replaces on a reload. Its ticket keys are kept for a day, so
  ///     that clients can resume their sessions.
  package init(
    certificatePath: String, keyPath: String, now: Int64, replacing previous: TLSContext? = nil
  ) throws(TLSConfigurationError) {
    let chain = try CertificateChain(path: certificatePath)
    let key = try PrivateKey(path: keyPath)
    guard chain.leaf.hasUsableKey else { throw TLSConfigurationError(.certificate, .unsupportedKey) }
    guard key.belongs(to: chain.leaf) else { throw TLSConfigurationError(.key, .mismatch) }
    try chain.checkValidity(now: now)

    ErrorQueue.clear()
    guard let handle = SSL_CTX_new(TLS_server_method()) else {
      throw TLSConfigurationError(.certificate, .unavailable)
    }
    self.handle = handle
    notAfter = chain.notAfter
    names = chain.leaf.names
    // If the clock was set back, the age of the keys is unknown, and new ones are generated.
    let kept = previous.flatMap { (0..<TicketKeys.lifetime).contains(now - $0.ticketKeysMadeAt) ? $0 : nil }
    if let kept, TicketKeys.copy(from: kept.handle, to: handle) {
      ticketKeysMadeAt = kept.ticketKeysMadeAt
    } else {
      ticketKeysMadeAt = now
    }
    // From here on the object is initialized: if something throws, `deinit` frees the SSL_CTX.
    guard setProtocol() else { throw TLSConfigurationError(.certificate, .unavailable) }
    setSessions()
    ApplicationProtocol.install(in: handle)
    try use(chain)
    ErrorQueue.clear()
    guard SSL_CTX_use_PrivateKey(handle, key.handle) == 1, SSL_CTX_check_private_key(handle) == 1 else {
      throw TLSConfigurationError(.key, Self.problem())
    }
  }

  deinit {
    SSL_CTX_free(handle)
  }

  /// Sets versions, ciphers and options; false if OpenSSL rejects them.
  ///
  /// Everything here overrides the system's openssl.cnf.
  private func setProtocol() -> Bool {
    // 112 bits: RSA of 2048, curves of 224, no SHA-1 in certificates (SSL_CTX_set_security_level(3)).
    SSL_CTX_set_security_level(handle, 2)
    copenssl_set_server_options(handle)
    // The buffers of idle connections are freed; they are most of their memory.
    _ = copenssl_set_mode(handle, Int(SSL_MODE_RELEASE_BUFFERS))
    // SSL_CTX_set_mode(3): without this mode a read returns after each record without data, so that they can
    // be counted.
    _ = copenssl_clear_mode(handle, Int(SSL_MODE_AUTO_RETRY))
    return copenssl_set_min_version(handle, TLS1_2_VERSION) == 1
      && SSL_CTX_set_cipher_list(handle, Self.tls12Ciphers.joined(separator: ":")) == 1
      && SSL_CTX_set_ciphersuites(handle, Self.tls13Ciphers.joined(separator: ":")) == 1
      && copenssl_set_groups(handle, Self.groups.joined(separator: ":")) == 1
      // 0-RTT can be replayed (RFC 8446 section 8).
      && SSL_CTX_set_max_early_data(handle, 0) == 1
      // One ticket, because a sender has few connections, and tickets are sent whether wanted or not.
      && SSL_CTX_set_num_tickets(handle, 1) == 1
      && SSL_CTX_set_session_id_context(handle, Self.sessionContext, UInt32(Self.sessionContext.count)) == 1
  }

  /// Disables the session cache: clients keep their sessions in tickets.
  private func setSessions() {
    _ = copenssl_set_session_cache_mode(handle, Int(SSL_SESS_CACHE_OFF))
    _ = SSL_CTX_set_timeout(handle, TicketKeys.ticketLifetime)
  }

  private func use(_ chain: CertificateChain) throws(TLSConfigurationError) {
    ErrorQueue.clear()
    guard SSL_CTX_use_certificate(handle, chain.leaf.handle) == 1 else {
      throw TLSConfigurationError(.certificate, Self.problem())
    }
    for certificate in chain.intermediates {
      ErrorQueue.clear()
      guard copenssl_add_chain_certificate(handle, certificate.handle) == 1 else {
        throw TLSConfigurationError(.certificate, Self.problem())
      }
    }
  }

  private static func problem() -> TLSConfigurationError.Problem {
    switch ErrorQueue.takeReason() {
    case SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL, SSL_R_CA_MD_TOO_WEAK: .tooWeak
    default: .unavailable
    }
  }
}
