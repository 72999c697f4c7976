internal import Settings
package import TLS

/// The files of the certificate of the webhooks listener, and of its key.
///
/// They are read at start, and again on SIGHUP.
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
  ///   - now: seconds since 1970, to check that the certificate is valid.
  ///   - previous: the context to replace, so that clients can resume their sessions.
  package func load(now: Int64, replacing previous: TLSContext? = nil) throws(StartError) -> TLSContext {
    do throws(TLSConfigurationError) {
      return try TLSContext(
        certificatePath: certificatePath, keyPath: keyPath, now: now, replacing: previous)
    } catch {
      switch error.file {
      case .certificate:
        throw .tls(variable: SettingVariable.tlsCertificate.name, path: certificatePath, error)
      case .key: throw .tls(variable: SettingVariable.tlsKey.name, path: keyPath, error)
      }
    }
  }
}
