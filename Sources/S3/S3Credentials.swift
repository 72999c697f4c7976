package import Crypto

/// The access key of a bucket.
package struct S3Credentials: Redacted, Sendable {
  let keyID: String
  let secret: SecretKey
  /// Of temporary credentials; nil for others.
  let sessionToken: String?

  package init(keyID: String, secret: SecretKey, sessionToken: String? = nil) {
    self.keyID = keyID
    self.secret = secret
    self.sessionToken = sessionToken
  }

  /// The credentials with another key id, or another secret and token.
  package func with(keyID: String?, secret: SecretKey?, sessionToken: String?) -> S3Credentials {
    S3Credentials(
      keyID: keyID ?? self.keyID, secret: secret ?? self.secret,
      sessionToken: secret == nil ? self.sessionToken : sessionToken)
  }
}
