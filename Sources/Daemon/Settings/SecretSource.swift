package import Scheduler
package import Settings
package import StandardWebhooks
internal import WebhookIntake

/// The source of the webhook secrets: the settings, or the provider.
package struct SecretSource: Sendable {
  package var given: [Secret]
  /// Nil if secrets are given.
  package var provider: ProviderSettings?

  package init(given: [Secret], provider: ProviderSettings?) {
    self.given = given
    self.provider = provider
  }

  /// Reads the source alone, for commands that only sign or verify.
  ///
  /// Settings of the provider are read only if no secret is given.
  package init(from reader: inout SettingsReader) {
    given = IntakeSettings.secrets(from: &reader, isRequired: false, alternative: Self.alternative)
    guard given.isEmpty, !reader.hasProblem(with: .webhookSecret) else { return }
    let provider = ProviderSettings(from: &reader)
    self.provider = provider
    let isRequired = Self.isSecretRequired(with: provider, reader)
    _ = IntakeSettings.secrets(from: &reader, isRequired: isRequired, alternative: Self.alternative)
  }

  static let alternative = ", or set REPLICATE_API_TOKEN, with which it is fetched"

  /// A secret is required unless it can be fetched with a token.
  ///
  /// A token that was reported as wrong counts as set: once it is corrected, the secret may be left out.
  static func isSecretRequired(with provider: ProviderSettings, _ reader: SettingsReader) -> Bool {
    provider.token == nil && !reader.hasProblem(with: .replicateAPIToken)
  }

  /// The secrets as `serve` gets them: those given, or the one that the provider returns.
  package func secrets() throws(StartError) -> [Secret] {
    guard given.isEmpty, let provider, let token = provider.token else { return given }
    return [try FetchedSecret.fetch(provider, token: token)]
  }
}
