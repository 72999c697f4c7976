internal import COpenSSL

/// A keyed HMAC-SHA256 context.
///
/// OpenSSL keeps the keyed state, so a message costs its own bytes only. The context is not safe to share:
/// use it on one thread at a time. A class, because a verifier keeps several.
package final class HMACContext {
  /// The length of an HMAC-SHA256 in bytes.
  package static let length = 32

  private let context: OpaquePointer

  /// Nil if OpenSSL has no memory or no HMAC.
  ///
  /// HMAC is missing in a build without it, or if a provider is not loaded.
  package init?(key: SecretKey) {
    guard let algorithm = EVP_MAC_fetch(nil, OSSL_MAC_NAME_HMAC, nil) else { return nil }
    // EVP_MAC(3): the context keeps the algorithm alive.
    defer { EVP_MAC_free(algorithm) }
    guard let context = EVP_MAC_CTX_new(algorithm) else { return nil }
    self.context = context
    var digestName = Array("SHA256".utf8CString)
    // OSSL_PARAM(3): a parameter keeps pointers to its name and its value; both must live until it was read.
    let isReady = OSSL_MAC_PARAM_DIGEST.withCString { parameter in
      digestName.withUnsafeMutableBufferPointer { name in
        let parameters = [
          OSSL_PARAM_construct_utf8_string(parameter, name.baseAddress, 0), OSSL_PARAM_construct_end(),
        ]
        return EVP_MAC_init(context, key.bytes, key.bytes.count, parameters) == 1
      }
    }
    guard isReady else { return nil }
  }

  deinit {
    EVP_MAC_CTX_free(context)
  }

  /// Computes the MAC of `prefix` followed by `body`; nil if OpenSSL fails.
  package func authenticate(_ prefix: Span<UInt8>, _ body: Span<UInt8>) -> [UInt8]? {
    // EVP_MAC_init(3): without a key, the previous one is reused.
    guard EVP_MAC_init(context, nil, 0, nil) == 1,
      prefix.withUnsafeBufferPointer({ EVP_MAC_update(context, $0.baseAddress, $0.count) }) == 1,
      body.withUnsafeBufferPointer({ EVP_MAC_update(context, $0.baseAddress, $0.count) }) == 1
    else { return nil }
    var count = 0
    let mac = [UInt8](unsafeUninitializedCapacity: Self.length) { buffer, initialized in
      let isDone = EVP_MAC_final(context, buffer.baseAddress, &count, buffer.count) == 1
      initialized = isDone ? min(count, Self.length) : 0
    }
    return mac.count == Self.length ? mac : nil
  }
}
