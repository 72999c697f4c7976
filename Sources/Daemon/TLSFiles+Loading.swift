internal import Settings
package import TLS

extension TLSFiles {
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
