internal import StandardWebhooks
internal import Synchronization

/// The secrets that deliveries are verified with: set by the operator, or fetched from the provider, where they may change.
final class WebhookSecrets: Sendable {
  private let secrets: Mutex<[Secret]>
  private let count = Atomic(0)

  init(_ secrets: [Secret]) {
    self.secrets = Mutex(secrets)
  }

  /// How often they have changed: cheap to ask for every delivery.
  var generation: Int { count.load(ordering: .acquiring) }

  var current: [Secret] { secrets.withLock { $0 } }

  func replace(with new: [Secret]) {
    secrets.withLock { $0 = new }
    count.add(1, ordering: .releasing)
  }
}
