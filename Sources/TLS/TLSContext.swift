internal import COpenSSL

/// What a listener shows its clients: certificate chain, key, versions, ciphers, session tickets. Immutable;
/// a reload makes another one, and connections of the old one go on undisturbed.
///
/// `@unchecked Sendable`: the SSL_CTX is counted and locked by OpenSSL, and nothing changes it after `init`.
package final class TLSContext: @unchecked Sendable {
  /// Of the server's own certificate, in seconds since 1970.
  package let notAfter: Int64
  /// The names in the server's own certificate, for a log line: at most 100, and only such as are host names.
  package let names: [String]

  /// Lives as long as this object; sessions hold a reference of their own.
  let handle: OpaquePointer
  private let ticketKeysMadeAt: Int64

  /// Authenticated encryption with forward secrecy only: what RFC 9325 section 4.2 recommends for TLS 1.2.
  private static let tls12Ciphers = [
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
  ]
  private static let tls13Ciphers = [
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
  ]
  private static let groups = ["X25519", "P-256", "P-384"]
  /// Sessions are resumed where this is the same (SSL_CTX_set_session_id_context(3)).
  private static let sessionContext = Array("replicate-webhookd".utf8)

  /// Reads chain and key (PEM), and checks all that would otherwise show at the first client.
  ///
  /// - now: seconds since 1970, for the validity check.
  /// - previous: the context that this one replaces on a reload. Its ticket keys are carried over for a day,
  ///   so that clients resume their sessions.
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
    // Where the clock was set back their age is unknown, and new ones are made.
    let kept = previous.flatMap { (0..<TicketKeys.lifetime).contains(now - $0.ticketKeysMadeAt) ? $0 : nil }
    if let kept, TicketKeys.copy(from: kept.handle, to: handle) {
      ticketKeysMadeAt = kept.ticketKeysMadeAt
    } else {
      ticketKeysMadeAt = now
    }
    // From here on the object is whole: where something throws, `deinit` frees the SSL_CTX.
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

  /// Everything here overrides what the system's openssl.cnf says. False where OpenSSL refuses.
  private func setProtocol() -> Bool {
    // 112 bits: RSA of 2048, curves of 224, no SHA-1 in certificates (SSL_CTX_set_security_level(3)).
    SSL_CTX_set_security_level(handle, 2)
    copenssl_set_server_options(handle)
    // Buffers of idle connections are given back, which is most of what they hold.
    _ = copenssl_set_mode(handle, Int(SSL_MODE_RELEASE_BUFFERS))
    // SSL_CTX_set_mode(3): without it a read returns after each record that has no data, so that they can be
    // counted.
    _ = copenssl_clear_mode(handle, Int(SSL_MODE_AUTO_RETRY))
    return copenssl_set_min_version(handle, TLS1_2_VERSION) == 1
      && SSL_CTX_set_cipher_list(handle, Self.tls12Ciphers.joined(separator: ":")) == 1
      && SSL_CTX_set_ciphersuites(handle, Self.tls13Ciphers.joined(separator: ":")) == 1
      && copenssl_set_groups(handle, Self.groups.joined(separator: ":")) == 1
      // 0-RTT can be replayed (RFC 8446 section 8).
      && SSL_CTX_set_max_early_data(handle, 0) == 1
      // One ticket, for a sender has few connections, and each ticket is sent whether wanted or not.
      && SSL_CTX_set_num_tickets(handle, 1) == 1
      && SSL_CTX_set_session_id_context(handle, Self.sessionContext, UInt32(Self.sessionContext.count)) == 1
  }

  /// Clients keep their sessions themselves, in tickets: the server has no cache that could grow.
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
