internal import HTTPClient
internal import Logging
internal import Replicate
internal import Scheduler
internal import StandardWebhooks

/// The signing secret that the provider tells, for whoever has set none.
enum FetchedSecret {
  /// Asks for it, at start, where nothing can be verified without it.
  static func fetch(_ provider: ProviderSettings, token: APIToken) throws(StartError) -> Secret {
    let outcome: ReplicateClient.Outcome<SigningSecret>
    do throws(HTTPClientError) {
      outcome = try ReplicateClient(base: provider.apiURL, token: token) { false }.signingSecret()
    } catch {
      throw .provider("\(error)")
    }
    switch outcome {
    case .answered(let text):
      do throws(SecretError) {
        return try Secret(text.text)
      } catch {
        // Perhaps not Replicate's answer.
        throw .secretNotFetched("what was answered is no secret: \(error)", mayPass: true)
      }
    case .failed(let failure): throw .secretNotFetched("\(failure)", mayPass: failure.isRetryable)
    case .unsent(let reason), .unanswered(let reason):
      throw .secretNotFetched(reason, mayPass: true)
    }
  }

  /// Signatures have failed: verifies with what the provider says now as well as with what it said before, since what was
  /// signed a moment ago is still on its way.
  static func take(_ text: SigningSecret, for secrets: WebhookSecrets, logger: Logger) {
    guard let new = try? Secret(text.text), secrets.current.first?.revealed != new.revealed else { return }
    secrets.replace(with: [new] + secrets.current.prefix(1))
    logger.notice("the provider signs with another secret: it is taken beside the last one")
  }
}
