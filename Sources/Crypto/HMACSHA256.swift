/// HMAC-SHA256 with an application key, for data other than webhook signatures.
package enum HMACSHA256 {
  /// Computes 32 bytes; nil if OpenSSL fails.
  package static func authenticate(_ message: Span<UInt8>, key: [UInt8]) -> [UInt8]? {
    let nothing: [UInt8] = []
    return HMACContext(key: SecretKey(key))?.authenticate(message, nothing.span)
  }
}
