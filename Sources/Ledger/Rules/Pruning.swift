package import StoreSeam
package import Jobs
package import Time
internal import Work

extension LedgerTransaction {
  /// How long a pruned job's tombstone stays, in milliseconds: an hour.
  package static let tombstoneTime: Int64 = 3_600_000

  /// Deletes jobs that ended before `limit`, among the `count` jobs after `number`.
  ///
  /// Jobs are numbered in the order of their creation. A pass ends at the first job created between `limit`
  /// and `now`, because all later ones are younger. A job dated in the future was recorded while the clock
  /// was wrong, and does not end the pass. Expired tombstones are deleted, too.
  ///
  /// - Parameter replayLimit: jobs with a later delivery are kept. Such a delivery could be replayed with its
  ///   signature, and would count as new if its id were deleted.
  package func prune(
    endedBefore limit: Timestamp, at now: Timestamp, after number: Int64, count: Int,
    deliveredBefore replayLimit: Timestamp = .distantFuture
  ) throws(StorageError) -> PruneStep {
    let rows = try rows.pruningCandidates(after: number, limit: count, quietSince: limit)
    let ended = rows.filter { row in
      row.updatedAt < limit && row.hasEnded && row.lastDeliveryAt.map { $0 < replayLimit } ?? true
    }
    let expiresAt = now.advanced(byMilliseconds: Self.tombstoneTime)
    var deleted = 0
    // What this transaction changes is not quiet.
    for row in ended where !isTouched(row.number) {
      guard let entry = try job(number: row.number), try !isRetained(entry) else { continue }
      delete(entry, .pruned(expiresAt: expiresAt))
      deleted += 1
    }
    writes.sweeps.append(.deleteTombstones(expiredAt: now))
    let reachesRetained = rows.contains { row in row.createdAt.map { limit <= $0 && $0 <= now } ?? false }
    let isOver = reachesRetained || rows.count < count
    return PruneStep(deleted: deleted, next: isOver ? nil : rows.last?.number)
  }

  /// Deletes one ended job after its time, which ``TransactionReaction/retains(_:id:in:)`` keeps until then.
  ///
  /// - Returns: false where it has not ended, a capability has work for it, or a delivery is too new.
  package func pruneJob(
    _ id: String, deliveredBefore replayLimit: Timestamp, at now: Timestamp
  ) throws(StorageError) -> Bool {
    guard let entry = try job(id: id), entry.job.phase.isTerminal,
      entry.job.lastDeliveryAt.map({ $0 < replayLimit }) ?? true, try !hasRetainingWork(entry.number)
    else { return false }
    delete(entry, .pruned(expiresAt: now.advanced(byMilliseconds: Self.tombstoneTime)))
    return true
  }

  /// Whether a capability still has work to do for the job, or keeps it with others.
  private func isRetained(_ entry: JobEntry) throws(StorageError) -> Bool {
    for reaction in rules.reactions where try reaction.retains(entry.number, id: entry.job.id, in: self) {
      return true
    }
    return try hasRetainingWork(entry.number)
  }

  /// Whether a capability still has work to do for a job, or for what has a negative number.
  package func hasRetainingWork(_ number: Int64) throws(StorageError) -> Bool {
    guard !rules.retainingKinds.isEmpty else { return false }
    return try !work(ofJob: number, of: rules.retainingKinds).isEmpty
  }
}
