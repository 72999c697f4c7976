internal import COpenSSL

/// A reusable SHA-256 context (FIPS 180-4).
///
/// It keeps the algorithm and the allocation of OpenSSL, so a digest costs its own bytes only. Use it on one
/// thread at a time.
package struct SHA256: ~Copyable {
  private let context: OpaquePointer

  package init() {
    let algorithm = EVP_MD_fetch(nil, "SHA256", nil)
    // EVP_DigestInit(3): the context keeps the algorithm alive.
    defer { EVP_MD_free(algorithm) }
    // Without SHA-256 there is no HMAC-SHA256 either, and the daemon did not start.
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, algorithm, nil) == 1 else {
      preconditionFailure("OpenSSL has no SHA-256, or no memory")
    }
    self.context = context
  }

  deinit {
    EVP_MD_CTX_free(context)
  }

  /// Computes a digest of 32 bytes.
  package func digest(of bytes: Span<UInt8>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { buffer, initialized in
      // EVP_DigestInit(3): without an algorithm, the previous one is reused.
      let isDone =
        EVP_DigestInit_ex2(context, nil, nil) == 1
        && bytes.withUnsafeBufferPointer { EVP_DigestUpdate(context, $0.baseAddress, $0.count) } == 1
        && EVP_DigestFinal_ex(context, buffer.baseAddress, nil) == 1
      precondition(isDone, "OpenSSL could not make a SHA-256")
      initialized = 32
    }
  }
}
