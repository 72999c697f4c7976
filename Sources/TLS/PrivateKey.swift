internal import COpenSSL

/// The private key of a server certificate.
///
/// It owns the OpenSSL object, which wipes the key when it is freed.
final class PrivateKey {
  let handle: OpaquePointer

  /// Reads the first private key of a PEM file: PKCS #8, or the legacy RSA and EC forms.
  init(path: String) throws(TLSConfigurationError) {
    let file = try PEMFile(path: path, as: .key)
    guard file.contains("-----BEGIN ") else {
      throw TLSConfigurationError(.key, file.isBlank ? .noKey : .notPEM)
    }
    guard file.contains("PRIVATE KEY-----") else { throw TLSConfigurationError(.key, .noKey) }
    ErrorQueue.clear()
    defer { ErrorQueue.clear() }
    var isEncrypted = false
    // Without a callback OpenSSL would prompt on the terminal, and the daemon would hang at start.
    let key = PEM_read_bio_PrivateKey(
      file.bio, nil,
      { _, _, _, isEncrypted in
        isEncrypted?.assumingMemoryBound(to: Bool.self).pointee = true
        return -1
      }, &isEncrypted)
    guard let key else { throw TLSConfigurationError(.key, isEncrypted ? .encrypted : .damaged) }
    handle = key
  }

  deinit {
    EVP_PKEY_free(handle)
  }

  func belongs(to certificate: Certificate) -> Bool {
    ErrorQueue.clear()
    defer { ErrorQueue.clear() }
    return X509_check_private_key(certificate.handle, handle) == 1
  }
}
