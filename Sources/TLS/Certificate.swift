internal import COpenSSL

/// An X.509 certificate. Owns the OpenSSL object.
final class Certificate {
  /// The maximum number of names read: as many as fit into a log line.
  private static let maxNames = 100

  let handle: OpaquePointer

  /// Parses DER; nil if it is not exactly one certificate.
  init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    var position = bytes.baseAddress
    guard let handle = d2i_X509(nil, &position, bytes.count) else { return nil }
    self.handle = handle
    guard position == bytes.baseAddress.map({ $0 + bytes.count }) else { return nil }
  }

  deinit {
    X509_free(handle)
  }

  /// Seconds since 1970; nil where it is no time.
  var notBefore: Int64? { CertificateTime.seconds(X509_get0_notBefore(handle)) }
  /// Seconds since 1970; nil where it is no time.
  var notAfter: Int64? { CertificateTime.seconds(X509_get0_notAfter(handle)) }

  /// Whether clients of TLS 1.2 and 1.3 accept signatures of this key type.
  var hasUsableKey: Bool {
    guard let key = X509_get0_pubkey(handle) else { return false }
    return [EVP_PKEY_RSA, EVP_PKEY_RSA_PSS, EVP_PKEY_EC, EVP_PKEY_ED25519, EVP_PKEY_ED448]
      .contains(EVP_PKEY_get_base_id(key))
  }

  /// The dNSNames of the subject alternative name, else the common name.
  ///
  /// Only valid host names are included.
  var names: [String] {
    if let stack = X509_get_ext_d2i(handle, NID_subject_alt_name, nil, nil) {
      let alternatives = OpaquePointer(stack)
      defer { GENERAL_NAMES_free(alternatives) }
      var found: [String] = []
      for index in 0..<min(copenssl_name_count(alternatives), Int32(Self.maxNames)) {
        var count = 0
        guard let bytes = copenssl_dns_name(alternatives, index, &count) else { continue }
        let text = String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
        if let name = HostName.read(text) { found.append(name) }
      }
      if !found.isEmpty { return found }
    }
    return commonName.map { [$0] } ?? []
  }

  private var commonName: String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      let subject = X509_get_subject_name(handle)
      guard let start = buffer.baseAddress,
        X509_NAME_get_text_by_NID(subject, NID_commonName, start, Int32(buffer.count)) > 0
      else { return nil }
      return HostName.read(String(cString: start))
    }
  }
}
