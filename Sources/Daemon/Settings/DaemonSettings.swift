internal import ClientAddress
package import APITokens
package import JobsAPI
package import Observability
package import Scheduler
package import Settings
package import WebhookIntake

extension SettingVariable {
  static let shutdownGrace = SettingVariable(
    "SHUTDOWN_GRACE",
    "How long a stop waits for requests in flight.")
}

/// All settings of a daemon: those of every room, and the rules over several of them.
package struct DaemonSettings: Sendable {
  package var provider: ProviderSettings
  package var intake: IntakeSettings
  package var listeners: ListenerSettings
  package var access: AccessSettings
  package var database: DatabaseSettings
  package var log: LogSettings
  package var shutdownGrace: Duration
  /// What the daemon does beyond the ledger, as its settings say.
  package var capabilities: [any Capability]

  /// Every setting of this version.
  package static let variables: [SettingVariable] = [
    ProviderSettings.variables, IntakeSettings.variables, ListenerSettings.variables,
    AccessSettings.variables,
    DatabaseSettings.variables, LogSettings.variables, [.shutdownGrace], Capabilities.settings,
  ].flatMap(\.self)

  package init(from reader: inout SettingsReader) {
    reader.reportUnknownNames()
    provider = ProviderSettings(from: &reader)
    let isSecretRequired = SecretSource.isSecretRequired(with: provider, reader)
    intake = IntakeSettings(
      from: &reader, isSecretRequired: isSecretRequired, alternative: SecretSource.alternative)
    listeners = ListenerSettings(from: &reader)
    access = AccessSettings(from: &reader)
    database = DatabaseSettings(from: &reader)
    log = LogSettings(from: &reader)
    shutdownGrace = reader.duration(.shutdownGrace, default: .seconds(10), in: .zero...(.seconds(600)))
    capabilities = Capabilities.all.map { $0.init(from: &reader) }
    requireTokens(&reader)
    requireTrustedProxies(&reader)
  }

  private func requireTokens(_ reader: inout SettingsReader) {
    guard access.tokens.isEmpty else { return }
    if listeners.isShared {
      reader.report(
        .apiTokens,
        "webhooks and jobs share one address: set a token, or give API_LISTEN an address of its own")
    } else if listeners.apiAddresses.contains(where: { $0.isLoopback == false }) {
      reader.report(
        .apiTokens,
        "the jobs API listens beyond this machine: set a token, or let API_LISTEN be 127.0.0.1:8081")
    }
  }

  /// A PROXY header names the client, so it is believed only from known proxies.
  ///
  /// From any other sender it could forge an address.
  private func requireTrustedProxies(_ reader: inout SettingsReader) {
    guard listeners.trustedProxies == .none else { return }
    for (variable, addresses) in [
      (SettingVariable.webhookListen, listeners.webhookAddresses), (.apiListen, listeners.apiAddresses),
    ] where addresses.contains(where: \.expectsProxyHeader) {
      reader.report(
        variable, "proxy_protocol needs TRUSTED_PROXIES: set it to the addresses of your load balancer")
    }
  }
}
