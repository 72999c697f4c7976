package import Observability
package import ClientAddress
package import HTTPServer
package import StandardWebhooks

/// How one daemon runs. Made by ``SettingsReader``, which is the only place that knows variables by name.
package struct Settings: Sendable {
  /// In the order given, which is how logs and metrics number them. Empty where the provider is to be asked for its secret.
  package var secrets: [Secret]
  /// Nil: deliveries come in the clear, from a proxy.
  package var tlsFiles: TLSFiles?
  package var webhookAddresses: [ListenAddress]
  package var apiAddresses: [ListenAddress]
  /// Whose word on their clients' addresses counts.
  package var trustedProxies: TrustedProxies
  /// Bearer tokens for the jobs API; empty leaves it open to this machine only.
  package var apiTokens: [BearerToken]
  package var databasePath: String
  package var provider: ProviderSettings
  package var signatureTolerance: Duration
  /// Of each listener.
  package var limits: ServerLimits
  package var shutdownGrace: Duration
  package var logLevel: LogLevel
  /// Nil: text on a terminal, JSON otherwise.
  package var logFormat: LogFormat?

  /// One listener for both, which then always wants a token.
  package var sharesListener: Bool { webhookAddresses == apiAddresses }
}
