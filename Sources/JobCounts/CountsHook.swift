internal import Jobs
internal import Ledger
internal import StoreSeam

/// Counts the changes of state in a transaction, and writes their sum once.
struct CountsHook: TransactionHook {
  func writes(
    after transitions: [JobTransition], reading rows: HookRows
  ) throws(StorageError) -> HookWrites {
    var differences = StateCounts()
    for transition in transitions {
      if let before = transition.before { differences[before.job.state] -= 1 }
      if let after = transition.after { differences[after.job.state] += 1 }
    }
    return differences == StateCounts() ? HookWrites() : HookWrites(tables: [CountsTable.add(differences)])
  }
}
