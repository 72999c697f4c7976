package import Downloads
package import JobRequests
internal import Jobs
package import Ledger
package import StoreSeam
internal import Tables
internal import Time
internal import Work

/// Queues the files of an output in the transaction that records the end.
package struct ArchiveHook: TransactionHook {
  /// Of jobs whose requests name none.
  package let mode: ArchiveMode
  package let sources: SourceRules
  /// Otherwise only deletions matter: the rows may be of a time with other settings.
  package let isOn: Bool

  package init(mode: ArchiveMode, sources: SourceRules, isOn: Bool) {
    (self.mode, self.sources, self.isOn) = (mode, sources, isOn)
  }

  /// `""` is shorter than any file.
  package static let minOutputBytes = 8

  package func writes(
    after transitions: [JobTransition], reading rows: HookRows
  ) throws(StorageError) -> HookWrites {
    var writes = HookWrites()
    // The rows of jobs that this transaction has made or listed.
    var known: [Int64: ArchivedJob] = [:]
    for transition in transitions where isOn || transition.after == nil {
      let number = transition.number
      if let after = transition.after?.job {
        if transition.before == nil, let named = transition.order?.archive.flatMap(ArchiveMode.init) {
          let job = ArchivedJob(
            job: number, id: after.id, mode: named, state: named == .off ? .none : .open)
          writes.tables.append(.put(ArchiveJobTable.declaration, job.values))
          known[number] = job
        }
        guard transition.endsJob || transition.holdsEnd else { continue }
        let job = if let job = known[number] { job } else { try archivedJob(number, rows) }
        guard let listing = try listing(of: job, after, number: number, reading: rows) else { continue }
        writes.tables += listing.tables
        writes.work += listing.work.map { .insert($0) }
        if transition.holdsEnd, listing.files.isEmpty {
          // It finds no file, and so releases the job.
          writes.work.append(
            .insert(WorkItem(ArchiveWork.key(ArchiveWork.fetch, number, 0), dueAt: after.updatedAt)))
        }
        known[number] = listing.job
      } else {
        try remove(number, because: transition, from: known[number], &writes, reading: rows)
        known[number] = nil
      }
    }
    return writes
  }

  private func archivedJob(_ number: Int64, _ rows: HookRows) throws(StorageError) -> ArchivedJob? {
    guard !rows.isNew(number) else { return nil }
    return try rows.row(of: ArchiveJobTable.declaration, key: ArchiveJobTable.key(number))
      .flatMap { ArchivedJob($0) }
  }

  /// Nil where nothing is to be kept, or all is listed already.
  private func listing(
    of known: ArchivedJob?, _ after: Job, number: Int64, reading rows: HookRows
  ) throws(StorageError) -> ArchiveListing? {
    let mode = known?.mode ?? mode
    guard known?.state ?? .open == .open || known?.state == ArchiveJobState.none, mode != .off else {
      return nil
    }
    let mayHaveFiles = after.snapshot.map { $0.evidence.outputSize >= Self.minOutputBytes } ?? false
    // Most jobs of text models have no row at all.
    guard mayHaveFiles || known != nil else { return nil }
    let listing = ArchiveListing(
      of: known ?? ArchivedJob(job: number, id: after.id, mode: mode), ended: after,
      body: mayHaveFiles ? try rows.body(ofJob: number) : [], sources: sources, at: after.updatedAt)
    return listing.job.state == .none && known == nil && !after.isHeld ? nil : listing
  }

  /// Takes the files of a deleted job along; those of a pruned one stay until their own time.
  private func remove(
    _ number: Int64, because transition: JobTransition, from known: ArchivedJob?,
    _ writes: inout HookWrites, reading rows: HookRows
  ) throws(StorageError) {
    let row = if let known { known } else { try archivedJob(number, rows) }
    guard var job = row else { return }
    let now = transition.before?.job.updatedAt ?? Timestamp(milliseconds: 0)
    var totals = ArchiveTotals()
    var isKept = false
    for n in 0..<job.files {
      let row = try rows.row(of: ArchiveFileTable.declaration, key: ArchiveFileTable.key(number, n))
      guard let file = row.flatMap({ ArchivedFile($0) }) else { continue }
      if transition.cause == .pruned, file.state == .stored {
        isKept = true
        continue
      }
      if file.state == .fetched || file.state == .deleting, !file.node.isEmpty {
        writes.tables.append(
          .put(ArchiveDropTable.declaration, ArchiveDrop(spooled: file, at: now).values))
      } else if file.isReferenced, let sha256 = file.sha256 {
        let drop = ArchiveDrop(blob: sha256, of: file, at: now)
        writes.tables.append(.put(ArchiveDropTable.declaration, drop.values))
      }
      totals.count(file, -1)
      writes.tables.append(.delete(ArchiveFileTable.declaration, key: file.key))
    }
    if !totals.amounts.isEmpty { writes.tables.append(totals.addition) }
    if isKept {
      job.isPruned = true
      writes.tables.append(.put(ArchiveJobTable.declaration, job.values))
      return
    }
    writes.tables.append(.delete(ArchiveJobTable.declaration, key: ArchiveJobTable.key(number)))
    guard job.files > 0 else { return }
    writes.tables.append(
      .put(ArchiveDropTable.declaration, ArchiveDrop(manifestOf: job.id, at: now).values))
  }
}
