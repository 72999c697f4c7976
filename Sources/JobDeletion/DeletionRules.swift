package import Ledger
package import StoreSeam
package import Tables
package import Time

/// A job to delete once it has ended.
package struct PendingDeletion: Sendable {
  package let number: Int64
  /// The job's id when the deletion was requested. A merge may give the job another one.
  package let id: String

  package static let table = TableDeclaration(
    "pending_deletions", key: [TableDeclaration.Column("job", .integer)],
    columns: [TableDeclaration.Column("id", .text), TableDeclaration.Column("requested_at", .integer)])

  package init(number: Int64, id: String) {
    self.number = number
    self.id = id
  }

  init?(_ row: TableRow) {
    guard let id = row.text("id") else { return nil }
    self.init(number: row.integer("job"), id: id)
  }

  func row(requestedAt now: Timestamp) -> TableWrite {
    .put(Self.table, [.integer(number), .text(id), .integer(now.milliseconds)])
  }

  var removal: TableWrite { .delete(Self.table, key: [.integer(number)]) }
}

/// The result of a request to delete a job.
package enum DeletionResult: Equatable, Sendable {
  /// The job and its rows are gone, or another request has deleted it before.
  case deleted
  /// Nothing has changed, because the job has not ended.
  case open
  /// The job is canceled, and deleted once it has ended.
  case canceling
}

extension LedgerTransaction {
  /// Deletes a job that has ended.
  ///
  /// - Parameter cancels: whether an open job is canceled, and deleted once it has ended.
  package func requestDeletion(
    _ job: PendingDeletion, cancels: Bool, at now: Timestamp, tombstoneUntil expiresAt: Timestamp
  ) throws(StorageError) -> DeletionResult {
    if try deleteJob(job.id, tombstoneUntil: expiresAt) != nil { return .deleted }
    guard cancels else { return .open }
    switch try cancel(job.id, at: now) {
    case .noSuchJob: return .deleted
    case .ended:
      // Nothing was sent for it, so that it ended just now.
      _ = try deleteJob(job.id, tombstoneUntil: expiresAt)
      return .deleted
    case .held(let number):
      // The prediction has succeeded, and the app does not want what the end waits for.
      try release(number, as: .succeeded, at: now)
      _ = try deleteJob(job.id, tombstoneUntil: expiresAt)
      return .deleted
    case .requested:
      write(job.row(requestedAt: now))
      return .canceling
    }
  }

  /// Deletes jobs whose deletion was requested, and which have ended since.
  ///
  /// - Returns: the number of jobs that were deleted.
  package func completeDeletions(
    _ jobs: [PendingDeletion], tombstoneUntil expiresAt: Timestamp
  ) throws(StorageError) -> Int {
    var count = 0
    for job in jobs {
      if try deleteJob(job.id, tombstoneUntil: expiresAt) != nil { count += 1 }
      write(job.removal)
    }
    return count
  }
}
