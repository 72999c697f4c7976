internal import COpenSSL

/// A server certificate and its intermediates.
///
/// The intermediates lead from it to a root that clients trust.
struct CertificateChain {
  let leaf: Certificate
  let intermediates: [Certificate]
  /// The expiry of the leaf, in seconds since 1970.
  let notAfter: Int64

  /// Reads a PEM file.
  ///
  /// Explanatory text may precede a block (RFC 7468 section 5.2), and so may keys and parameters. Anything
  /// else means that the file is not what its owner believes.
  init(path: String) throws(TLSConfigurationError) {
    let file = try PEMFile(path: path, as: .certificate)
    guard file.contains("-----BEGIN ") else {
      throw TLSConfigurationError(.certificate, file.isBlank ? .noCertificate : .notPEM)
    }
    var certificates: [Certificate] = []
    while file.contains("-----BEGIN ") {
      switch Self.block(of: file) {
      case .certificate(let certificate): certificates.append(certificate)
      case .other: continue
      case .problem(let problem): throw TLSConfigurationError(.certificate, problem)
      }
    }
    guard let leaf = certificates.first else { throw TLSConfigurationError(.certificate, .noCertificate) }
    guard file.isBlank else { throw TLSConfigurationError(.certificate, .garbage) }
    guard let notAfter = leaf.notAfter else { throw TLSConfigurationError(.certificate, .damaged) }
    self.leaf = leaf
    self.intermediates = Array(certificates.dropFirst())
    self.notAfter = notAfter
  }

  /// - Parameter now: seconds since 1970.
  func checkValidity(now: Int64) throws(TLSConfigurationError) {
    guard let notBefore = leaf.notBefore else { throw TLSConfigurationError(.certificate, .damaged) }
    guard notBefore <= now else { throw TLSConfigurationError(.certificate, .notYetValid(notBefore)) }
    guard now <= notAfter else { throw TLSConfigurationError(.certificate, .expired(notAfter)) }
  }

  private enum Block {
    case certificate(Certificate)
    case other
    case problem(TLSConfigurationError.Problem)
  }

  private static func block(of file: PEMFile) -> Block {
    var name: UnsafeMutablePointer<CChar>?
    var header: UnsafeMutablePointer<CChar>?
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    ErrorQueue.clear()
    defer { ErrorQueue.clear() }
    guard PEM_read_bio(file.bio, &name, &header, &bytes, &count) == 1, let name else {
      return .problem(.damaged)
    }
    defer {
      CRYPTO_free(name, #file, #line)
      CRYPTO_free(header, #file, #line)
      // The block may be a key.
      CRYPTO_clear_free(bytes, count, #file, #line)
    }
    switch String(cString: name) {
    case "CERTIFICATE":
      return Certificate(UnsafeBufferPointer(start: bytes, count: count)).map { .certificate($0) }
        ?? .problem(.damaged)
    case let name where name.hasSuffix("PRIVATE KEY") || name.hasSuffix("PARAMETERS"): return .other
    default: return .problem(.garbage)
    }
  }
}
