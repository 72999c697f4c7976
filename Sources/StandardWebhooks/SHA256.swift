internal import COpenSSL

/// SHA-256 (FIPS 180-4).
package enum SHA256 {
  /// 32 bytes.
  package static func digest(of bytes: Span<UInt8>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { buffer, initialized in
      let isDone = bytes.withUnsafeBufferPointer { input in
        EVP_Q_digest(nil, "SHA256", nil, input.baseAddress, input.count, buffer.baseAddress, nil) == 1
      }
      // Without SHA-256 no HMAC-SHA256 was made either, and the daemon did not start.
      precondition(isDone, "OpenSSL has no SHA-256")
      initialized = 32
    }
  }
}
