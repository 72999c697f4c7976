internal import Downloads
internal import JobRequests
internal import Ledger
internal import StoreSeam

/// Queues the files of an output in the transaction that records the end.
struct ArchiveHook: TransactionHook {
  /// Of jobs whose requests name none.
  let mode: ArchiveMode
  let sources: SourceRules
  let isOn: Bool

  func writes(
    after transitions: [JobTransition], reading rows: HookRows
  ) throws(StorageError) -> HookWrites {
    HookWrites()
  }
}
