/// Where the certificate of the webhooks listener and its key lie: read at start, and again on SIGHUP.
package struct TLSFiles: Equatable, Sendable {
  /// PEM: the server's own certificate, then those up to the root.
  package let certificatePath: String
  /// PEM, without a passphrase.
  package let keyPath: String

  package init(certificatePath: String, keyPath: String) {
    self.certificatePath = certificatePath
    self.keyPath = keyPath
  }
}
