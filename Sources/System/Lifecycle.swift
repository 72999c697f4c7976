internal import Synchronization

/// Whether the daemon is draining: the shutdown sets it, and the readiness probe reads it.
package final class Lifecycle: Sendable {
  private let draining = Atomic(false)

  package init() {}

  package var isDraining: Bool { draining.load(ordering: .relaxed) }

  package func drain() {
    draining.store(true, ordering: .relaxed)
  }
}
