internal import Jobs
internal import StandardWebhooks

extension BodyDigest {
  /// The digest of `body`.
  init(of body: Span<UInt8>, by sha256: borrowing SHA256) {
    guard let digest = BodyDigest(bytes: sha256.digest(of: body)) else {
      preconditionFailure("a SHA-256 of other than 32 bytes")
    }
    self = digest
  }
}
