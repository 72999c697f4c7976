internal import Synchronization

/// Whether the daemon is on its way out: said by whoever stops it, asked by readiness.
package final class Lifecycle: Sendable {
  private let draining = Atomic(false)

  package init() {}

  package var isDraining: Bool { draining.load(ordering: .relaxed) }

  package func drain() {
    draining.store(true, ordering: .relaxed)
  }
}
