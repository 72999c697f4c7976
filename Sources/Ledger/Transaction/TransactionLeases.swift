package import StoreSeam
package import Time
package import Work

/// What processes that share a store agree on: who has a duty, and how much all may do together.
extension LedgerTransaction {
  /// Whether this process has the duty of that name, which it takes or keeps for `duration`.
  ///
  /// Call it in each transaction that does a part of the duty. Then a process that was suspended beyond its
  /// lease does nothing more. In a store of one process there is no other that could have it.
  package func holdsLease(_ name: String, for duration: Duration, at now: Timestamp) throws(StorageError)
    -> Bool
  {
    guard rules.isShared else { return true }
    let stored = if let known = leases[name] { known } else { try rows.lease(name) }
    guard stored?.isFree(for: owner, at: now) ?? true else { return false }
    // An early renewal would write in every transaction.
    if let stored, stored.owner == owner, now.advanced(by: duration / 2) < stored.until { return true }
    leases[name] = Lease(name, owner: owner, until: now.advanced(by: duration))
    return true
  }

  /// The shared rate limit of that name. Full where it was never used.
  package func budget(
    _ name: String, _ rate: Budget.Rate, at now: Timestamp
  ) throws(StorageError) -> Budget {
    if let known = budgets[name] { return known }
    return try rows.budget(name) ?? Budget(full: name, rate, at: now)
  }

  package func put(_ budget: Budget) { budgets[budget.name] = budget }

  /// Whether other processes write the store too.
  package var isShared: Bool { rules.isShared }
}
