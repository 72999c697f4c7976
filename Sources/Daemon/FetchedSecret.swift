internal import EventLoop
internal import HTTPClient
internal import Logging
internal import Observability
internal import Replicate
internal import Scheduler
internal import StandardWebhooks
internal import System

/// The webhook secret from the provider, used if the settings have none.
enum FetchedSecret {
  /// Fetches the secret at start, because nothing can be verified without one.
  static func fetch(_ provider: ProviderSettings, token: APIToken) throws(StartError) -> Secret {
    switch try call(provider, token: token) {
    case .answered(let text):
      do throws(SecretError) {
        return try Secret(text.text)
      } catch {
        // The answer may be a proxy's and not Replicate's.
        throw .secretNotFetched("what was answered is no secret: \(error)", mayPass: true)
      }
    case .failed(let failure): throw .secretNotFetched("\(failure)", mayPass: failure.isRetryable)
    case .unsent(let reason), .unanswered(let reason):
      throw .secretNotFetched(reason, mayPass: true)
    }
  }

  /// Makes the call on a loop of its own, because no other runs yet.
  private static func call(
    _ provider: ProviderSettings, token: APIToken
  ) throws(StartError) -> ReplicateClient.Outcome<SigningSecret> {
    try StartError.converting {
      let loop = EventLoop(kernel: try LinuxKernel())
      let client = try CurlClient(threads: 1, named: "secret")
      defer { client.close() }
      let outcome = OneShot<ReplicateClient.Outcome<SigningSecret>>()
      loop.start {
        let api = ReplicateClient(base: provider.apiURL, token: token, client: client)
        outcome.set(await api.signingSecret())
        loop.stop()
      }
      loop.run()
      return outcome.wait()
    }
  }

  /// Adds the new secret after signatures failed, if it differs from the current one.
  ///
  /// The current one stays valid too, because deliveries signed with it may still be in flight.
  static func rotate(to text: SigningSecret, in secrets: WebhookSecrets, logger: Logger) {
    guard let new = try? Secret(text.text), secrets.current.first?.revealed != new.revealed else { return }
    secrets.replace(with: [new] + secrets.current.prefix(1))
    logger.log(.secretRotated)
  }
}
