import Foundation
import TLS
import TLSClient
import Testing

@Suite struct ConfigurationErrorTests {
  private static let ecdsa = Certificates.ecdsa
  private static let rsa = Certificates.rsa

  private func error(
    certificate: String = ecdsa.certificate, key: String = ecdsa.key, now: Int64 = Certificates.now
  ) -> TLSConfigurationError? {
    do throws(TLSConfigurationError) {
      _ = try TLSContext(certificatePath: certificate, keyPath: key, now: now)
      return nil
    } catch {
      return error
    }
  }

  private func chain(_ parts: [UInt8]..., name: String = #function) throws -> String {
    try Certificates.write(Array(parts.joined()), to: "\(name).pem")
  }

  private func contents(_ path: String) throws -> [UInt8] { try Certificates.contents(of: path) }

  @Test(
    arguments: [
      ("/nowhere/at.all", 2, "No such file or directory"), ("/tmp", 21, "Is a directory"),
      ("/proc/self/mem", 5, "Input/output error"),
    ] as [(String, Int32, String)])
  func unreadableFiles(_ path: String, _ number: Int32, _ text: String) {
    let expected = "it cannot be read (\(text)): check the path and its permissions"
    #expect(error(certificate: path) == TLSConfigurationError(.certificate, .unreadable(number)))
    #expect(error(key: path) == TLSConfigurationError(.key, .unreadable(number)))
    #expect(error(key: path)?.description == expected)
  }

  @Test func filesThatAreNotPEM() throws {
    let text = try Certificates.write(Array("hello\n".utf8), to: "text.pem")
    let empty = try Certificates.write([], to: "empty.pem")
    let der = Certificates.path("der.crt")
    try Certificates.openssl(["x509", "-in", Self.ecdsa.certificate, "-outform", "DER", "-out", der])
    for path in [text, der] {
      #expect(error(certificate: path) == TLSConfigurationError(.certificate, .notPEM))
      #expect(error(key: path) == TLSConfigurationError(.key, .notPEM))
    }
    #expect(error(certificate: empty) == TLSConfigurationError(.certificate, .noCertificate))
    #expect(error(key: empty) == TLSConfigurationError(.key, .noKey))
    #expect(error(certificate: "/dev/zero") == TLSConfigurationError(.certificate, .tooLong))
  }

  @Test func filesWithOtherContents() throws {
    #expect(error(certificate: Self.ecdsa.key) == TLSConfigurationError(.certificate, .noCertificate))
    #expect(error(key: Self.ecdsa.certificate) == TLSConfigurationError(.key, .noKey))
    #expect(
      error(certificate: Self.ecdsa.certificate, key: Self.rsa.key) == TLSConfigurationError(.key, .mismatch))
    #expect(
      error(certificate: Self.rsa.certificate, key: Self.ecdsa.key) == TLSConfigurationError(.key, .mismatch))
  }

  /// Both in one file, and explanations before a block, are common.
  @Test func allowedContentsOfAFile() throws {
    let certificate = try contents(Self.ecdsa.certificate)
    let key = try contents(Self.ecdsa.key)
    let explained = try chain(
      Array("subject=CN = hooks\n\n".utf8), certificate, Array("issuer\n".utf8), certificate,
      Array("\r\n \n".utf8))
    #expect(error(certificate: explained) == nil)
    let both = try chain(key, certificate, name: "both")
    #expect(error(certificate: both, key: both) == nil)
    let reversed = try chain(certificate, key, name: "reversed")
    #expect(error(certificate: reversed, key: reversed) == nil)
  }

  /// Before PKCS #8, each algorithm had its own format.
  @Test(arguments: [ecdsa, rsa])
  func theOlderFormOfAKey(_ pair: Certificates.Pair) throws {
    let traditional = pair.key + ".traditional"
    try Certificates.openssl(["pkey", "-in", pair.key, "-traditional", "-out", traditional])
    #expect(error(certificate: pair.certificate, key: traditional) == nil)
  }

  /// OpenSSL would prompt on the terminal.
  @Test(arguments: [["-aes256"], ["-traditional", "-aes256"]])
  func aKeyWithAPassphraseIsRefused(_ options: [String]) throws {
    let path = Certificates.path("encrypted\(options.count).key")
    try Certificates.openssl(
      ["pkey", "-in", Self.rsa.key, "-out", path, "-passout", "pass:secret"] + options)
    let error = error(certificate: Self.rsa.certificate, key: path)
    #expect(error == TLSConfigurationError(.key, .encrypted))
    #expect(error?.description.contains("openssl pkey") == true)
  }

  @Test func aDamagedFile() throws {
    let certificate = try contents(Self.ecdsa.certificate)
    let key = try contents(Self.ecdsa.key)
    for count in stride(from: 28, to: certificate.count - 25, by: 7) {
      let path = try Certificates.write(Array(certificate.prefix(count)), to: "cut.crt")
      #expect(error(certificate: path) == TLSConfigurationError(.certificate, .damaged), "\(count)")
    }
    for count in stride(from: 28, to: key.count - 25, by: 7) {
      let path = try Certificates.write(Array(key.prefix(count)), to: "cut.key")
      #expect(error(key: path) == TLSConfigurationError(.key, .damaged), "\(count)")
    }
    var changed = certificate
    changed[60] = UInt8(ascii: "!")
    let path = try Certificates.write(changed, to: "changed.crt")
    #expect(error(certificate: path) == TLSConfigurationError(.certificate, .damaged))
  }

  @Test func aBlockWithMoreThanACertificateIsDamaged() throws {
    let der = Certificates.path("longer.der")
    try Certificates.openssl(["x509", "-in", Self.ecdsa.certificate, "-outform", "DER", "-out", der])
    for (more, problem) in [([], nil), ([0], .damaged)] as [([UInt8], TLSConfigurationError.Problem?)] {
      let text = try Data(contents(der) + more).base64EncodedString(
        options: [.lineLength64Characters, .endLineWithLineFeed])
      let block = "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n"
      #expect(try error(certificate: chain(Array(block.utf8)))?.problem == problem)
    }
  }

  @Test(
    arguments: [
      ("garbage", .garbage), ("\u{0}\u{1}", .garbage), ("-----END CERTIFICATE-----\n", .garbage),
      ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", .damaged),
      ("-----BEGIN CERTIFICATE-----\nMIIB", .damaged),
      ("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", .garbage),
      ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", .garbage),
    ] as [(String, TLSConfigurationError.Problem)])
  func onlyCertificatesMayFollowTheLeaf(_ text: String, _ problem: TLSConfigurationError.Problem) throws {
    let path = try chain(contents(Self.ecdsa.certificate), Array(text.utf8), name: "tail-\(text.hashValue)")
    #expect(error(certificate: path) == TLSConfigurationError(.certificate, problem))
  }

  @Test func aCertificateOutOfItsTime() throws {
    let notAfter = try Self.ecdsa.context().notAfter
    #expect(error(now: notAfter) == nil)
    let expired = error(now: notAfter + 1)
    #expect(expired == TLSConfigurationError(.certificate, .expired(notAfter)))
    #expect(expired?.description.hasSuffix("Z: renew it") == true)
    let early = error(now: Certificates.now - 30 * 86400)
    guard case .notYetValid(let notBefore) = early?.problem else {
      Issue.record("\(String(describing: early))")
      return
    }
    #expect(notAfter - notBefore == 30 * 86400)
    #expect(error(now: notBefore) == nil)
    #expect(error(now: notBefore - 1) == early)
    #expect(
      TLSConfigurationError(.certificate, .expired(0)).description
        == "its certificate expired at 1970-01-01T00:00:00Z: renew it")
  }

  @Test func weakKeysAndSignatures() throws {
    let weak = Certificates.weakRSA
    #expect(
      error(certificate: weak.certificate, key: weak.key) == TLSConfigurationError(.certificate, .tooWeak))
    // Signatures are checked only on certificates that another party signed.
    let request = Certificates.path("sha1.csr")
    let signed = Certificates.path("sha1.crt")
    try Certificates.openssl(["req", "-new", "-key", Self.ecdsa.key, "-subj", "/CN=a", "-out", request])
    try Certificates.openssl(
      ["x509", "-req", "-sha1", "-in", request, "-out", signed]
        + ["-CA", Self.rsa.certificate, "-CAkey", Self.rsa.key, "-CAcreateserial"])
    #expect(error(certificate: signed) == TLSConfigurationError(.certificate, .tooWeak))
    let path = try chain(contents(Self.ecdsa.certificate), contents(Certificates.weakRSA.certificate))
    #expect(error(certificate: path) == TLSConfigurationError(.certificate, .tooWeak))
  }

  @Test func aKeyThatNoClientTakes() throws {
    let pair = Certificates.Pair(certificate: Certificates.path("dsa.crt"), key: Certificates.path("dsa.key"))
    try Certificates.openssl(["dsaparam", "-genkey", "-out", pair.key, "1024"])
    try Certificates.openssl([
      "req", "-x509", "-new", "-key", pair.key, "-subj", "/CN=a", "-out", pair.certificate,
    ])
    #expect(
      error(certificate: pair.certificate, key: pair.key)
        == TLSConfigurationError(.certificate, .unsupportedKey))
  }

  /// One line each: cause, colon, fix.
  @Test(
    arguments: [
      .unreadable(13), .tooLong, .notPEM, .damaged, .noCertificate, .noKey, .garbage, .encrypted,
      .unsupportedKey,
      .mismatch, .expired(0), .notYetValid(0), .tooWeak, .unavailable,
    ] as [TLSConfigurationError.Problem])
  func everyTextNamesCauseAndFix(_ problem: TLSConfigurationError.Problem) {
    let text = TLSConfigurationError(.key, problem).description
    #expect(text.split(separator: ": ").count == 2 && text.count < 120 && !text.contains("\n"))
  }
}
