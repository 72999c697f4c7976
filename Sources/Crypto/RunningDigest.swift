internal import COpenSSL

/// A digest of bytes that arrive piece by piece.
///
/// Use it on one thread at a time.
package struct RunningDigest: ~Copyable {
  package enum Algorithm: String, Sendable {
    /// FIPS 180-4.
    case sha256 = "SHA256"
    /// RFC 1321. It detects broken transfers, and proves nothing against an attacker.
    case md5 = "MD5"
  }

  private let context: OpaquePointer

  /// Nil if OpenSSL has no such algorithm, as MD5 under a FIPS policy.
  package init?(_ algorithm: Algorithm) {
    guard let implementation = EVP_MD_fetch(nil, algorithm.rawValue, nil) else { return nil }
    // EVP_DigestInit(3): the context keeps the algorithm alive.
    defer { EVP_MD_free(implementation) }
    guard let context = EVP_MD_CTX_new() else { return nil }
    guard EVP_DigestInit_ex2(context, implementation, nil) == 1 else {
      EVP_MD_CTX_free(context)
      return nil
    }
    self.context = context
  }

  deinit {
    EVP_MD_CTX_free(context)
  }

  package mutating func update(_ bytes: Span<UInt8>) {
    let isDone = bytes.withUnsafeBufferPointer { EVP_DigestUpdate(context, $0.baseAddress, $0.count) } == 1
    precondition(isDone, "OpenSSL could not make a digest")
  }

  /// The digest of all bytes since the start or the last call. The next piece starts another digest.
  package mutating func finish() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, initialized in
      var count: UInt32 = 0
      // EVP_DigestInit(3): without an algorithm, the previous one is reused.
      let isDone =
        EVP_DigestFinal_ex(context, buffer.baseAddress, &count) == 1
        && EVP_DigestInit_ex2(context, nil, nil) == 1
      precondition(isDone, "OpenSSL could not make a digest")
      initialized = Int(count)
    }
  }
}
