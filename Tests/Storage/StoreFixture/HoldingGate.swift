package import Jobs
package import Ledger
package import StoreSeam
package import Time

/// A gate that holds the successes of some jobs for some time.
package struct HoldingGate: EndGate {
  package let failure = JobError(code: "not_kept", message: "in time")
  private let time: Int64
  private let holds: @Sendable (Snapshot, HookRows, Int64) throws(StorageError) -> Bool

  /// - Parameters:
  ///   - time: how long after the success, in milliseconds.
  ///   - holds: whether the success is held.
  package init(
    for time: Int64,
    where holds:
      @escaping @Sendable (_ end: Snapshot, _ rows: HookRows, _ number: Int64)
      throws(StorageError) -> Bool = { _, _, _ in true }
  ) {
    self.time = time
    self.holds = holds
  }

  package func hold(
    _ end: Snapshot, of job: Job, number: Int64, reading rows: HookRows
  ) throws(StorageError) -> Timestamp? {
    try holds(end, rows, number) ? job.updatedAt.advanced(byMilliseconds: time) : nil
  }
}
