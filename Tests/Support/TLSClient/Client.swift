internal import COpenSSL

/// A TLS client over memory BIOs, configured before the first step.
package final class Client {
  package struct Settings: Sendable {
    package var version: Int32?
    package var lowestVersion: Int32?
    package var cipherList: String?
    package var groups: String?
    /// The protocols offered by ALPN.
    package var protocols: [String]
    package var serverName: String?
    /// Whether a certificate without a known root is rejected.
    package var verifies: Bool
    package var takesTickets: Bool
    /// Needed for offers that OpenSSL itself would reject.
    package var securityLevel: Int32

    package static let tls12 = Settings(version: TLS1_2_VERSION)
    package static let tls13 = Settings(version: TLS1_3_VERSION)
    package static let both = [tls12, tls13]

    package init(
      version: Int32? = nil, lowestVersion: Int32? = nil, cipherList: String? = nil, groups: String? = nil,
      protocols: [String] = [], serverName: String? = Certificates.name, verifies: Bool = false,
      takesTickets: Bool = true, securityLevel: Int32 = 0
    ) {
      self.version = version
      self.lowestVersion = lowestVersion
      self.cipherList = cipherList
      self.groups = groups
      self.protocols = protocols
      self.serverName = serverName
      self.verifies = verifies
      self.takesTickets = takesTickets
      self.securityLevel = securityLevel
    }
  }

  package enum Progress: Equatable {
    case complete
    case needsMore
    /// The OpenSSL reason code.
    case failed(Int32)
  }

  private let context: OpaquePointer
  package let handle: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  /// Nil if OpenSSL has no memory, which fails the test.
  package init?(_ settings: Settings = Settings(), resuming session: Session? = nil) {
    guard let context = SSL_CTX_new(TLS_client_method()) else { return nil }
    self.context = context
    SSL_CTX_set_security_level(context, settings.securityLevel)
    let lowest = settings.lowestVersion ?? settings.version ?? TLS1_VERSION
    _ = SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(lowest), nil)
    if let version = settings.version {
      _ = SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
    }
    if let list = settings.cipherList { _ = SSL_CTX_set_cipher_list(context, list) }
    if let groups = settings.groups { _ = copenssl_set_groups(context, groups) }
    // SSL_OP_NO_TICKET, whose name is a macro with arguments.
    if !settings.takesTickets { SSL_CTX_set_options(context, 1 << 14) }
    if settings.verifies { SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil) }
    guard let handle = SSL_new(context), let incoming = BIO_new(BIO_s_mem()),
      let outgoing = BIO_new(BIO_s_mem())
    else { return nil }
    self.handle = handle
    self.incoming = incoming
    self.outgoing = outgoing
    copenssl_memory_set_end(incoming, -1)
    SSL_set_bio(handle, incoming, outgoing)
    SSL_set_connect_state(handle)
    if let session { SSL_set_session(handle, session.handle) }
    if !settings.protocols.isEmpty {
      let list = settings.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
      SSL_set_alpn_protos(handle, list, UInt32(list.count))
    }
    if var name = settings.serverName.map({ Array($0.utf8CString) }) {
      _ = SSL_ctrl(handle, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), &name)
    }
  }

  deinit {
    SSL_free(handle)
    SSL_CTX_free(context)
  }

  package func receive(_ bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    _ = BIO_write(incoming, bytes, Int32(bytes.count))
  }

  package func takeOutgoing() -> [UInt8] {
    var start: UnsafeMutablePointer<CChar>?
    let count = copenssl_memory_contents(outgoing, &start)
    let bytes = Array(UnsafeRawBufferPointer(start: start, count: count))
    _ = copenssl_memory_clear(outgoing)
    return bytes
  }

  package func handshake() -> Progress {
    ERR_clear_error()
    let result = SSL_do_handshake(handle)
    return result == 1 ? .complete : progress(of: result)
  }

  /// Reads all available data, and returns how reading ended.
  package func read() -> (bytes: [UInt8], end: Progress) {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      ERR_clear_error()
      let count = SSL_read(handle, &chunk, Int32(chunk.count))
      guard count > 0 else { return (bytes, progress(of: count)) }
      bytes += chunk[..<Int(count)]
    }
  }

  @discardableResult package func write(_ bytes: [UInt8]) -> Bool {
    ERR_clear_error()
    return SSL_write(handle, bytes, Int32(bytes.count)) == Int32(bytes.count)
  }

  /// Sends `count` key updates, one record each.
  ///
  /// Each requests an update from the server.
  package func updateKeys(_ count: Int) {
    for _ in 0..<count {
      SSL_key_update(handle, SSL_KEY_UPDATE_REQUESTED)
      SSL_do_handshake(handle)
    }
  }

  package func close() {
    SSL_shutdown(handle)
  }

  /// `TLSv1.2` or `TLSv1.3`.
  package var version: String { String(cString: SSL_get_version(handle)) }

  /// The cipher suite, by OpenSSL's name.
  package var cipher: String? {
    SSL_CIPHER_get_name(SSL_get_current_cipher(handle)).map { String(cString: $0) }
  }

  /// Whether the server accepted a ticket.
  package var isResumed: Bool { SSL_session_reused(handle) == 1 }

  /// The application protocol selected by the server (ALPN).
  package var chosenProtocol: String? {
    var start: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(handle, &start, &count)
    return start.map { String(decoding: UnsafeBufferPointer(start: $0, count: Int(count)), as: UTF8.self) }
  }

  /// The key size of the server's certificate.
  package var peerKeyBits: Int32? {
    guard let certificate = SSL_get1_peer_certificate(handle) else { return nil }
    defer { X509_free(certificate) }
    return X509_get0_pubkey(certificate).map { EVP_PKEY_get_bits($0) }
  }

  package var session: Session? { SSL_get1_session(handle).map(Session.init) }

  /// Here `complete` means close_notify.
  private func progress(of result: Int32) -> Progress {
    switch SSL_get_error(handle, result) {
    case SSL_ERROR_WANT_READ: .needsMore
    case SSL_ERROR_ZERO_RETURN: .complete
    default: .failed(ERR_GET_REASON(ERR_peek_error()))
    }
  }
}

/// A client's session for resumption. Owns the OpenSSL object.
package final class Session {
  package let handle: OpaquePointer

  package init(_ handle: OpaquePointer) {
    self.handle = handle
  }

  deinit {
    SSL_SESSION_free(handle)
  }
}
