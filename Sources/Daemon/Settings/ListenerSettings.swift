package import ClientAddress
internal import EventLoop
package import HTTPServer
package import Settings
internal import System

extension SettingVariable {
  static let webhookListen = SettingVariable(
    "WEBHOOK_LISTEN",
    "Where deliveries arrive, separated by commas: `host:port`, `[v6]:port`, `unix:/path` or "
      + "`systemd:name`; options follow after a space.", standard: "127.0.0.1:8080")
  static let apiListen = SettingVariable(
    "API_LISTEN",
    "Where the jobs API listens, in the same form. Beyond this machine it needs `API_TOKENS`.",
    standard: "127.0.0.1:8081")
  static let tlsCertificate = SettingVariable(
    "TLS_CERTIFICATE",
    "A PEM file with the certificate chain of the webhooks listener. Read again on SIGHUP.")
  static let tlsKey = SettingVariable(
    "TLS_KEY",
    "A PEM file with its private key. Read again on SIGHUP.")
  static let trustedProxies = SettingVariable(
    "TRUSTED_PROXIES",
    "Proxies whose `X-Forwarded-For`, `Forwarded` and PROXY headers are believed: addresses, "
      + "ranges, and the words `loopback`, `private` and `unix`.")
}

/// The settings of the two listeners.
package struct ListenerSettings: Sendable {
  /// Nil: deliveries arrive without TLS, from a proxy.
  package var tlsFiles: TLSFiles?
  package var webhookAddresses: [ListenAddress]
  package var apiAddresses: [ListenAddress]
  /// The proxies whose client addresses are believed.
  package var trustedProxies: TrustedProxies
  /// The limits of each listener.
  package var limits: ServerLimits

  static let variables: [SettingVariable] =
    [.webhookListen, .apiListen, .tlsCertificate, .tlsKey, .trustedProxies] + SettingVariable.limits

  init(from reader: inout SettingsReader) {
    tlsFiles = Self.tlsFiles(from: &reader)
    webhookAddresses = Self.webhookAddresses(from: &reader)
    apiAddresses = Self.apiAddresses(from: &reader)
    trustedProxies = Self.trustedProxies(from: &reader)
    limits = ServerLimits(from: &reader)
  }

  /// One listener serves both, and then always requires a token.
  package var isShared: Bool { webhookAddresses == apiAddresses }

  /// Reads the addresses of the webhooks listener alone.
  package static func webhookAddresses(from reader: inout SettingsReader) -> [ListenAddress] {
    addresses(.webhookListen, from: &reader)
  }

  /// Reads the addresses of the jobs API alone.
  package static func apiAddresses(from reader: inout SettingsReader) -> [ListenAddress] {
    addresses(.apiListen, from: &reader)
  }

  /// Whether a certificate is set for the webhooks listener.
  package static func usesTLS(_ reader: SettingsReader) -> Bool { reader.text(.tlsCertificate) != nil }
}

extension ListenerSettings {
  private static func addresses(
    _ variable: SettingVariable, from reader: inout SettingsReader
  ) -> [ListenAddress] {
    let text = reader.text(variable) ?? variable.standard ?? ""
    var addresses: [ListenAddress] = []
    for (index, item) in text.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
      guard let address = ListenAddress(item), !addresses.contains(where: { $0.source == address.source })
      else {
        reader.report(
          variable,
          """
          address \(index + 1): write host:port, [v6]:port, unix:/path or systemd:name, each once, with \
          numeric addresses and commas between them; options follow after a space: mode=0660 (unix), \
          proxy_protocol
          """)
        continue
      }
      addresses.append(address)
    }
    return addresses
  }

  private static func tlsFiles(from reader: inout SettingsReader) -> TLSFiles? {
    let (certificate, key) = (reader.text(.tlsCertificate), reader.text(.tlsKey))
    if let certificate, let key { return TLSFiles(certificatePath: certificate, keyPath: key) }
    if certificate != nil {
      reader.report(.tlsKey, "TLS_CERTIFICATE is set: name the file of its private key too")
    }
    if key != nil {
      reader.report(.tlsCertificate, "TLS_KEY is set: name the file of its certificate chain too")
    }
    return nil
  }

  private static func trustedProxies(from reader: inout SettingsReader) -> TrustedProxies {
    do throws(TrustedProxies.ParseError) {
      return try TrustedProxies(parsing: reader.text(.trustedProxies) ?? "")
    } catch {
      reader.report(.trustedProxies, error.explanation)
      return .none
    }
  }
}

// MARK: - Addresses in use

extension ListenerSettings {
  /// The addresses that a daemon could not listen on now, and why.
  ///
  /// Sockets that systemd passes cannot be checked beforehand.
  package var addressProblems: [StartError] {
    let api = isShared ? [] : apiAddresses.map { (SettingVariable.apiListen, $0) }
    return (webhookAddresses.map { (.webhookListen, $0) } + api).compactMap { variable, listen in
      guard case .bind(let address, _) = listen.source else { return nil }
      do throws(SystemError) {
        try address.requireFree()
        return nil
      } catch {
        return .listen(variable: variable.name, "\(listen)", error)
      }
    }
  }
}
