internal import COpenSSL

/// The keys that encrypt session tickets (RFC 5077 section 4).
///
/// The server stores no sessions. An attacker with these keys and a recording can decrypt resumed sessions of
/// TLS 1.2.
enum TicketKeys {
  /// The lifetime of a ticket, in seconds.
  static let ticketLifetime = 2 * 3600
  /// The age, in seconds, after which keys are not carried over any more.
  static let lifetime: Int64 = 24 * 3600

  /// Copies the keys; false if OpenSSL fails and the new context keeps its own.
  static func copy(from previous: OpaquePointer, to context: OpaquePointer) -> Bool {
    // SSL_CTX_set_tlsext_ticket_keys: without a buffer, the number of bytes that the keys take.
    let count = copenssl_get_ticket_keys(previous, nil, 0)
    guard count > 0 else { return false }
    return withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { keys in
      defer { OPENSSL_cleanse(keys.baseAddress, keys.count) }
      return copenssl_get_ticket_keys(previous, keys.baseAddress, count) == 1
        && copenssl_set_ticket_keys(context, keys.baseAddress, count) == 1
    }
  }
}
