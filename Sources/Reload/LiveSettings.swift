package import APITokens
package import Replicate
package import Scheduler
package import Settings
package import StandardWebhooks
internal import Synchronization
package import WebhookIntake

/// The settings that a reload replaces, each where the parts that use it read it.
package final class LiveSettings: Sendable {
  package let tokens: TokenList
  /// Those that deliveries are verified with.
  package let secrets: WebhookSecrets
  package let outputRules: LiveOutputRules
  package let creationRate: CreationRate
  /// Nil without a token.
  package let credentials: ProviderCredentials?
  private let queueLimit: Atomic<Int>

  /// - Parameter secrets: those of the settings, or the one that was fetched.
  package init(access: AccessSettings, provider: ProviderSettings, secrets: WebhookSecrets) {
    tokens = TokenList(access.tokens)
    self.secrets = secrets
    outputRules = LiveOutputRules(provider.outputRules)
    creationRate = CreationRate(perMinute: provider.createsPerMinute)
    credentials = provider.token.map(ProviderCredentials.init)
    queueLimit = Atomic(provider.maxQueuedOrders)
  }

  /// The maximum number of orders that wait to be sent.
  package var maxQueuedOrders: Int { queueLimit.load(ordering: .relaxed) }

  /// Uses the new values of the settings that `changes` says are applied.
  ///
  /// - Returns: whether a token opens less than before, so that what is open has to be authorized again.
  package func apply(
    _ changes: SettingChanges, access: AccessSettings, provider: ProviderSettings, intake: IntakeSettings
  ) -> Bool {
    var hasLostAccess = false
    for variable in changes.applied {
      switch variable {
      case .apiTokens: hasLostAccess = tokens.replace(with: access.tokens)
      case .webhookSecret: secrets.replace(with: intake.secrets)
      case .outputRules: outputRules.replace(with: provider.outputRules)
      case .createsPerMinute: creationRate.set(perMinute: provider.createsPerMinute)
      case .maxQueuedOrders: queueLimit.store(provider.maxQueuedOrders, ordering: .relaxed)
      case .replicateAPIToken:
        guard let token = provider.token else { continue }
        credentials?.replace(with: token)
        creationRate.noteNewToken()
      default: continue
      }
    }
    return hasLostAccess
  }
}
