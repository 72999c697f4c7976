internal import COpenSSL

/// SHA-256 (FIPS 180-4). Keeps what OpenSSL looks up and allocates for it, so that a digest costs its own bytes only. One
/// thread at a time.
package struct SHA256: ~Copyable {
  private let context: OpaquePointer

  package init() {
    let algorithm = EVP_MD_fetch(nil, "SHA256", nil)
    // EVP_DigestInit(3): the context keeps the algorithm alive.
    defer { EVP_MD_free(algorithm) }
    // Without SHA-256 no HMAC-SHA256 was made either, and the daemon did not start.
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, algorithm, nil) == 1 else {
      preconditionFailure("OpenSSL has no SHA-256, or no memory")
    }
    self.context = context
  }

  deinit {
    EVP_MD_CTX_free(context)
  }

  /// 32 bytes.
  package func digest(of bytes: Span<UInt8>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { buffer, initialized in
      // EVP_DigestInit(3): without an algorithm, the one that was set before is used again.
      let isDone =
        EVP_DigestInit_ex2(context, nil, nil) == 1
        && bytes.withUnsafeBufferPointer { EVP_DigestUpdate(context, $0.baseAddress, $0.count) } == 1
        && EVP_DigestFinal_ex(context, buffer.baseAddress, nil) == 1
      precondition(isDone, "OpenSSL could not make a SHA-256")
      initialized = 32
    }
  }
}
