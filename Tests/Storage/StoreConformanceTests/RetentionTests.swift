import Jobs
import Ledger
import StoreFixture
import StoreSeam
import Synchronization
import Testing
import Time

/// Ended jobs that a reaction keeps from being pruned.
@Suite(.everyStore) struct RetentionTests {
  /// Keeps the jobs whose ids begin with a text, while it is set to.
  private final class Keeper: TransactionReaction {
    let prefix: String
    let keeps = Atomic(true)

    init(_ prefix: String) { self.prefix = prefix }

    func react(to transitions: ArraySlice<JobTransition>, in transaction: LedgerTransaction) {}

    func retains(_ number: Int64, id: String, in transaction: LedgerTransaction) -> Bool {
      keeps.load(ordering: .relaxed) && id.hasPrefix(prefix)
    }
  }

  private func prune(_ store: OrderedStore, after number: Int64 = 0, count: Int = 9) throws -> PruneStep {
    let now = store.now
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.prune(endedBefore: now, at: now, after: number, count: count)
    }
  }

  @Test func `a job that a reaction retains is pruned once that ends`() async throws {
    let keeper = Keeper("kept")
    let store = try OrderedStore(reactions: [keeper, Keeper("other")])
    for id in ["kept-1", "free", "kept-2", "other"] {
      try store.place(id)
      _ = try store.cancel(id)
    }
    store.advance(OrderedStore.aWhile)
    #expect(try prune(store).deleted == 1)
    #expect(try await store.ids() == ["other", "kept-2", "kept-1"])
    #expect(try prune(store).deleted == 0)
    keeper.keeps.store(false, ordering: .relaxed)
    #expect(try prune(store).deleted == 2)
    #expect(try await store.ids() == ["other"])
  }

  /// What is retained must not keep what lies behind it.
  @Test func `a pass goes on behind retained jobs`() async throws {
    let store = try OrderedStore(reactions: [Keeper("kept")])
    for number in 0..<6 { try store.place(number < 4 ? "kept-\(number)" : "free-\(number)") }
    for number in 0..<6 { _ = try store.cancel(number < 4 ? "kept-\(number)" : "free-\(number)") }
    store.advance(OrderedStore.aWhile)
    var (deleted, next): (Int, Int64?) = (0, 0)
    while let number = next {
      let step = try prune(store, after: number, count: 2)
      (deleted, next) = (deleted + step.deleted, step.next)
    }
    #expect(deleted == 2)
    #expect(try await store.ids() == ["kept-3", "kept-2", "kept-1", "kept-0"])
  }
}
