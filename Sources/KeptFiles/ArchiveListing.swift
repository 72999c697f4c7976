package import Downloads
internal import JobRequests
package import Jobs
package import Tables
package import Time
package import Work

/// The rows of a job whose files have become known.
package struct ArchiveListing {
  package private(set) var job: ArchivedJob
  package private(set) var files: [ArchivedFile] = []
  package private(set) var work: [WorkItem] = []

  /// - Parameters:
  ///   - ended: the job, in the state of its end.
  ///   - body: the snapshot of the end.
  package init(of job: ArchivedJob, ended: Job, body: [UInt8], sources: SourceRules, at now: Timestamp) {
    self.job = job
    let expiry = FetchSchedule.expiry(completed: ended.snapshot?.completedAt, received: ended.updatedAt)
    self.job.model = ended.model
    self.job.sourceExpiresAt = expiry
    let output = OutputFiles(in: body, of: sources)
    if output.isTooMany {
      (self.job.state, self.job.code) = (.failed, ArchiveCode.tooManyFiles.rawValue)
      return
    }
    let dueAt = FetchSchedule.firstTry(expiringAt: expiry, at: now)
    files = output.files.enumerated().map { n, file in
      ArchivedFile(
        job: job.job, n: Int64(n), at: file.at, url: file.url, sameAs: file.sameAs.map(Int64.init),
        dueAt: dueAt)
    }
    for file in files { if let first = file.sameAs { files[Int(first)].copies.append(file.n) } }
    self.job.files = Int64(files.count)
    self.job.waiting = Int64(files.count)
    self.job.state = files.isEmpty ? .none : .pending
    queue(dueAt)
  }

  private mutating func queue(_ dueAt: Timestamp) {
    for file in files where work.count < Int(ArchivedJob.maxQueued) {
      job.queued = file.n + 1
      guard file.sameAs == nil else { continue }
      work.append(WorkItem(ArchiveWork.key(ArchiveWork.fetch, job.job, file.n), dueAt: dueAt))
    }
  }

  package var tables: [TableWrite] {
    var totals = ArchiveTotals()
    for file in files { totals.count(file, 1) }
    return [.put(ArchiveJobTable.declaration, job.values)]
      + files.map { .put(ArchiveFileTable.declaration, $0.values) } + (files.isEmpty ? [] : [totals.addition])
  }
}
