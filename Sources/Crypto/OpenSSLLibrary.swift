internal import COpenSSL

/// The OpenSSL library that was loaded.
package enum OpenSSLLibrary {
  /// Such as `3.0.17`.
  package static var version: String { String(cString: OpenSSL_version(OPENSSL_VERSION_STRING)) }
}
