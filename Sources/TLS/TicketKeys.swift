internal import COpenSSL

/// The keys under which session tickets are sealed (RFC 5077 section 4). The server keeps no sessions itself,
/// so whoever has these keys and a recording reads what was said in resumed sessions of TLS 1.2.
enum TicketKeys {
  /// Seconds a ticket is good for.
  static let ticketLifetime = 2 * 3600
  /// Seconds after which keys are not carried over any more.
  static let lifetime: Int64 = 24 * 3600

  /// False where OpenSSL fails; the new context then keeps the keys that it made for itself.
  static func copy(from previous: OpaquePointer, to context: OpaquePointer) -> Bool {
    // SSL_CTX_set_tlsext_ticket_keys: without a buffer, the number of bytes that they take.
    let count = copenssl_get_ticket_keys(previous, nil, 0)
    guard count > 0 else { return false }
    return withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { keys in
      defer { OPENSSL_cleanse(keys.baseAddress, keys.count) }
      return copenssl_get_ticket_keys(previous, keys.baseAddress, count) == 1
        && copenssl_set_ticket_keys(context, keys.baseAddress, count) == 1
    }
  }
}
