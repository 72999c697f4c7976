internal import Bytes
internal import Crypto

/// The digests of a content that arrives piece by piece.
struct ContentDigests: ~Copyable {
  private var sha256: RunningDigest
  private var md5: RunningDigest?
  private var crc32c = CRC32C()
  private let expected: SourceChecksum?

  /// - Parameter checksum: compared at the end, if OpenSSL has its algorithm.
  init(comparing checksum: SourceChecksum?) {
    // Without SHA-256 the daemon did not start.
    guard let sha256 = RunningDigest(.sha256) else { preconditionFailure("OpenSSL has no SHA-256") }
    self.sha256 = sha256
    expected = checksum
    if case .md5? = checksum { md5 = RunningDigest(.md5) }
  }

  mutating func update(_ bytes: Span<UInt8>) {
    sha256.update(bytes)
    switch expected {
    case .md5?: md5?.update(bytes)
    case .crc32c?: crc32c.update(bytes)
    case nil: break
    }
  }

  /// The SHA-256 in hexadecimal; nil if the checksum is not the expected one.
  mutating func finish() -> String? {
    switch expected {
    case .md5(let expected)?: if let digest = md5?.finish(), digest != expected { return nil }
    case .crc32c(let expected)?: if crc32c.value != expected { return nil }
    case nil: break
    }
    return Hexadecimal.encode(sha256.finish())
  }
}
