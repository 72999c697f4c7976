package import StandardWebhooks

/// The secrets of the settings, or the provider that has them.
package struct SecretSource: Sendable {
  package var given: [Secret]
  package var provider: ProviderSettings?

  package init(given: [Secret], provider: ProviderSettings?) {
    self.given = given
    self.provider = provider
  }
}
