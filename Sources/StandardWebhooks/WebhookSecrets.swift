internal import Synchronization

/// The secrets that deliveries are verified with.
///
/// The operator sets them, or they are fetched from the provider, where they may change.
package final class WebhookSecrets: Sendable {
  private let secrets: Mutex<[Secret]>
  private let count = Atomic(0)

  package init(_ secrets: [Secret]) {
    self.secrets = Mutex(secrets)
  }

  /// The number of changes, cheap enough to read for every delivery.
  package var generation: Int { count.load(ordering: .acquiring) }

  package var current: [Secret] { secrets.withLock { $0 } }

  package func replace(with new: [Secret]) {
    secrets.withLock { $0 = new }
    count.add(1, ordering: .releasing)
  }
}
