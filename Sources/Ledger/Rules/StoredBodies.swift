package import Jobs
package import StoreSeam
package import Time

/// What a pass over old jobs has found, in the order of their numbers.
package struct OldJobs: Sendable {
  /// Each of the jobs that were examined, and whether it has ended before the limit.
  package let jobs: [(number: Int64, isOld: Bool)]
  /// Whether all later jobs are younger than the limit.
  package let isOver: Bool
}

/// The bodies of ended jobs: the newest snapshot's, and the request's.
extension LedgerTransaction {
  /// The `count` jobs after `number`, and which of them ended before `limit`.
  ///
  /// The pass ends as that of ``prune(endedBefore:at:after:count:deliveredBefore:)`` does.
  package func oldJobs(
    endedBefore limit: Timestamp, at now: Timestamp, after number: Int64, count: Int
  ) throws(StorageError) -> OldJobs {
    let rows = try rows.pruningCandidates(after: number, limit: count, quietSince: limit)
    let jobs = rows.map { row in
      (row.number, row.hasEnded && row.updatedAt < limit && !isTouched(row.number))
    }
    let reachesYounger = rows.contains { row in row.createdAt.map { limit <= $0 && $0 <= now } ?? false }
    return OldJobs(jobs: jobs, isOver: reachesYounger || rows.count < count)
  }

  /// The posted request of a job. Empty where there is none.
  package func postedRequest(ofJob number: Int64) throws(StorageError) -> [UInt8] {
    try request(ofJob: number)
  }

  /// Whether a reaction still reads the bodies of an ended job.
  package func needsBodies(_ number: Int64, id: String) throws(StorageError) -> Bool {
    for reaction in rules.reactions where try reaction.needsBodies(number, id: id, in: self) { return true }
    return false
  }

  /// Replaces the stored bodies of an ended job.
  ///
  /// Its document changes, and so do its revision and its change number. Hooks do not see it, because its
  /// state is the same.
  ///
  /// - Parameters:
  ///   - body: replaces that of the snapshot, with its digest. Nil where there is none.
  ///   - request: replaces that of the order. Nil where there is none.
  package func replaceBodies(
    ofJob number: Int64, body: (text: [UInt8], digest: BodyDigest)?, request: [UInt8]?
  ) throws(StorageError) {
    guard let entry = try job(number: number) else { return }
    assert(entry.job.phase.isTerminal, "the bodies of an open job are replaced")
    var job = entry.job
    if let body, job.snapshot != nil {
      job.noteStoredBody(digest: body.digest)
      entry.body = body.text
    } else {
      job.touch()
    }
    entry.version = JobVersion(job)
    (entry.isChanged, entry.hasRowChanges) = (true, true)
    if let request { try replaceRequest(ofJob: number, with: request) }
  }
}
