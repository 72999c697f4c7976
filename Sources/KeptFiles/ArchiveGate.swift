package import JobRequests
package import Jobs
package import Ledger
package import StoreSeam
package import Time

/// Holds the success of a job until its files are stored, where its request demands that.
package struct ArchiveGate: EndGate {
  package static let failure = JobError(
    code: "archive_failed", message: "a file of the output could not be stored: see `files`")

  /// Of jobs whose requests name none.
  package let mode: ArchiveMode

  package init(mode: ArchiveMode) { self.mode = mode }

  package var failure: JobError { Self.failure }

  package func hold(
    _ end: Snapshot, of job: Job, number: Int64, reading rows: HookRows
  ) throws(StorageError) -> Timestamp? {
    let isNew = rows.isNew(number)
    let row =
      isNew ? nil : try rows.row(of: ArchiveJobTable.declaration, key: ArchiveJobTable.key(number))
    let known = row.flatMap { ArchivedJob($0) }
    let named = isNew ? rows.order(ofNewJob: number)?.archive.flatMap(ArchiveMode.init) : nil
    guard known?.mode ?? named ?? mode == .required else { return nil }
    switch known?.state ?? .open {
    case .open:
      guard end.evidence.outputSize >= ArchiveHook.minOutputBytes else { return nil }
    case .pending: break
    case .none, .complete: return nil
    case .partial, .failed, .deleted: return Timestamp(milliseconds: 0)
    }
    let expiry =
      known?.sourceExpiresAt
      ?? FetchSchedule.expiry(completed: end.completedAt, received: job.updatedAt)
    return expiry.advanced(byMilliseconds: FetchSchedule.holdTime)
  }
}
