/// HMAC-SHA256 with a key of our own, for what is not a webhook's signature.
package enum HMACSHA256 {
  /// 32 bytes; nil where OpenSSL cannot make one.
  package static func authenticate(_ message: Span<UInt8>, key: [UInt8]) -> [UInt8]? {
    let nothing: [UInt8] = []
    return HMACContext(key: SecretKey(key))?.authenticate(message, nothing.span)
  }
}
