internal import Scheduler
package import Settings
package import StandardWebhooks

extension SecretSource {
  /// As `serve` gets them: those of the settings, or the one that the provider returns.
  package func secrets() throws(StartError) -> [Secret] {
    guard given.isEmpty, let provider, let token = provider.token else { return given }
    return [try FetchedSecret.fetch(provider, token: token)]
  }
}
