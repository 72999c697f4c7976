package import StandardWebhooks

/// The secrets of the settings, or the provider that has them.
package struct SecretSource: Sendable {
  var given: [Secret]
  var provider: ProviderSettings?

  /// As `serve` gets them.
  package func secrets() throws(StartError) -> [Secret] {
    guard given.isEmpty, let provider, let token = provider.token else { return given }
    return [try FetchedSecret.fetch(provider, token: token)]
  }
}
