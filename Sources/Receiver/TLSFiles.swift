package import TLS

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

  /// - Parameters:
  ///   - now: seconds since 1970, for whether the certificate is valid.
  ///   - previous: what is replaced, so that clients can resume their sessions.
  package func load(now: Int64, replacing previous: TLSContext? = nil) throws(StartError) -> TLSContext {
    do throws(TLSConfigurationError) {
      return try TLSContext(
        certificatePath: certificatePath, keyPath: keyPath, now: now, replacing: previous)
    } catch {
      switch error.file {
      case .certificate: throw .tls(variable: "TLS_CERTIFICATE", path: certificatePath, error)
      case .key: throw .tls(variable: "TLS_KEY", path: keyPath, error)
      }
    }
  }
}
