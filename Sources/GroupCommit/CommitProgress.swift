internal import Synchronization

/// How far one writer has come, for a check that it moves.
package final class CommitProgress: Sendable {
  private let count = Atomic(0)
  private let isBusy = Atomic(false)

  package init() {}

  /// The number of its turns, each at most one transaction. Nil while it waits for submissions.
  package var turns: Int? { isBusy.load(ordering: .acquiring) ? count.load(ordering: .relaxed) : nil }

  func noteTurn() { count.add(1, ordering: .relaxed) }

  /// Notes that it has something to do, or has not.
  func note(isBusy: Bool) {
    count.add(1, ordering: .relaxed)
    self.isBusy.store(isBusy, ordering: .releasing)
  }
}
