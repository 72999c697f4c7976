package import Downloads
internal import JobRequests
package import Jobs
package import Ledger
package import StoreSeam
internal import Tables
package import Time
package import Work

// MARK: - By request

/// The result of a request to keep a job's files.
package enum KeepResult: Equatable, Sendable {
  case queued
  /// All of its files are stored or on their way, or it has none.
  case nothingToDo
  case notEnded
  /// The job was deleted meanwhile.
  case gone
}

extension LedgerTransaction {
  /// Keeps the files of a job that has ended, and tries those again that have failed.
  package func keepFiles(
    of record: JobRecord, sources: SourceRules, at now: Timestamp
  ) throws(StorageError) -> KeepResult {
    let ended = record.job
    guard ended.phase.isTerminal else { return .notEnded }
    guard try job(withNumber: record.number) != nil else { return .gone }
    let known = try archivedJob(record.number)
    guard var job = known, job.state != .open, job.files > 0 else {
      guard known?.state != ArchiveJobState.none || known?.mode == .off else { return .nothingToDo }
      var job = known ?? ArchivedJob(job: record.number, id: ended.id, mode: .bestEffort)
      if job.mode == .off { job.mode = .bestEffort }
      let listing = ArchiveListing(of: job, ended: ended, body: record.body, sources: sources, at: now)
      for write in listing.tables { self.write(write) }
      for item in listing.work { write(.insert(item)) }
      try touch(record.number)
      return listing.files.isEmpty ? .nothingToDo : .queued
    }
    var isQueued = job.waiting > 0
    for n in 0..<job.files {
      guard let old = try archivedFile(job.job, n), old.state == .failed else { continue }
      isQueued = true
      var file = old
      (file.state, file.tries, file.dueAt, file.code, file.message) = (.waiting, 0, now, nil, nil)
      put(file, inPlaceOf: old, of: &job)
      guard file.sameAs == nil, n < job.queued else { continue }
      write(.insert(WorkItem(ArchiveWork.key(ArchiveWork.fetch, job.job, n), dueAt: now)))
    }
    guard isQueued else { return .nothingToDo }
    try settle(job, at: now)
    return .queued
  }

  /// Deletes a job's files, also those that are under way.
  ///
  /// - Returns: false where the job has none, or was pruned: see ``deletePrunedFiles(_:of:at:)``.
  package func deleteFiles(ofJob number: Int64, at now: Timestamp) throws(StorageError) -> Bool {
    guard var job = try archivedJob(number), job.files > 0, !job.isPruned else { return false }
    let fetches = try work(ofJob: number, of: [ArchiveWork.fetch])
    for n in 0..<job.files {
      guard let old = try archivedFile(number, n) else { continue }
      var file = old
      switch old.state {
      case .waiting:
        file.code = ArchiveCode.canceled.rawValue
        let item = fetches.first { $0.file == n }
        file.state = item?.owner == nil ? .deleted : .deleting
        if let item, item.owner == nil { write(.delete(item.key)) }
      case .fetched:
        // Its node removes it from its spool, once it is in flight no more.
        (file.state, file.code) = (.deleting, ArchiveCode.canceled.rawValue)
      case .stored, .failed:
        dropReference(of: &file, at: now)
        file.state = .deleted
      case .deleting, .deleted: continue
      }
      put(file, inPlaceOf: old, of: &job)
    }
    job.queued = job.files
    write(.put(ArchiveDropTable.declaration, ArchiveDrop(manifestOf: job.id, at: now).values))
    for item in try work(ofJob: number, of: [ArchiveWork.manifest]) { write(.delete(item.key)) }
    try settle(job, at: now)
    return true
  }
}

// MARK: - By age

extension LedgerTransaction {
  /// Deletes files that were stored before `limit`.
  ///
  /// - Parameters:
  ///   - files: as a reader has found them.
  ///   - jobs: their jobs.
  /// - Returns: how many were deleted.
  package func expireFiles(
    _ files: [ArchivedFile], of jobs: [Int64: ArchivedJob], before limit: Timestamp, at now: Timestamp
  ) throws(StorageError) -> Int {
    var count = 0
    var pruned: [Int64: [ArchivedFile]] = [:]
    for known in files {
      guard var job = try archivedJob(known.job), !job.isPruned else {
        pruned[known.job, default: []].append(known)
        continue
      }
      guard let old = try archivedFile(known.job, known.n), old.state == .stored, old.storedAt ?? now < limit
      else { continue }
      var file = old
      dropReference(of: &file, at: now)
      file.state = .deleted
      put(file, inPlaceOf: old, of: &job)
      try dropManifest(of: job, at: now)
      try settle(job, at: now)
      count += 1
    }
    for (number, files) in pruned.sorted(by: { $0.key < $1.key }) {
      // Another job that is gone was deleted since it was read, and its references are given back.
      guard let job = jobs[number], job.isPruned else { continue }
      count += try deletePrunedFiles(files, of: job, at: now)
    }
    return count
  }

  /// Deletes stored files of a job that was pruned, and their rows.
  ///
  /// Within a transaction, a shared store reads no rows of a job that is gone. So a reader has found these,
  /// and they are only counted here, in one transaction at a time.
  ///
  /// - Returns: how many were still there.
  package func deletePrunedFiles(
    _ files: [ArchivedFile], of job: ArchivedJob, at now: Timestamp
  ) throws(StorageError) -> Int {
    try lockFiles(ofPruned: job.job)
    var count = 0
    var totals = ArchiveTotals()
    for known in files {
      guard try storedCount(of: ArchiveFileTable.declaration, prefix: known.key, limit: 1) > 0 else {
        continue
      }
      var file = known
      dropReference(of: &file, at: now)
      deleteRow(of: ArchiveFileTable.declaration, key: file.key)
      totals.count(known, -1)
      count += 1
    }
    guard count > 0 else { return 0 }
    write(totals.addition)
    // What this transaction has deleted is still counted.
    let left = try storedCount(
      of: ArchiveFileTable.declaration, prefix: [.integer(job.job)], limit: count + 1)
    guard left <= count else { return count }
    deleteRow(of: ArchiveJobTable.declaration, key: ArchiveJobTable.key(job.job))
    write(.put(ArchiveDropTable.declaration, ArchiveDrop(manifestOf: job.id, at: now).values))
    return count
  }

  private func dropManifest(of job: ArchivedJob, at now: Timestamp) throws(StorageError) {
    guard job.stored == 0 else { return }
    write(.put(ArchiveDropTable.declaration, ArchiveDrop(manifestOf: job.id, at: now).values))
  }
}

// MARK: - Objects

/// What a process does to an object that is not wanted any more.
package enum DropStep: Equatable, Sendable {
  /// The object is to be removed from the store.
  case remove
  case done
}

extension LedgerTransaction {
  /// Subtracts a reference that was given back.
  package func beginDrop(_ known: ArchiveDrop, at now: Timestamp) throws(StorageError) -> DropStep {
    guard let row = try row(of: ArchiveDropTable.declaration, key: known.key) else { return .done }
    let drop = ArchiveDrop(row)
    guard case .blob(let sha256) = drop.target else { return .remove }
    guard var blob = try archivedBlob(sha256) else {
      deleteRow(of: ArchiveDropTable.declaration, key: drop.key)
      return .done
    }
    // A blob that is being deleted has no reference left: this one was subtracted before a kill.
    guard blob.state != .deleting else { return .remove }
    blob.refs = max(0, blob.refs - 1)
    if blob.refs == 0 { blob.state = .deleting }
    put(blob)
    guard blob.state == .deleting else {
      deleteRow(of: ArchiveDropTable.declaration, key: drop.key)
      return .done
    }
    return .remove
  }

  /// Forgets an object that is gone, or tries again later.
  ///
  /// - Parameter retry: when to try again; nil where it is gone.
  package func finishDrop(_ known: ArchiveDrop, retry: Timestamp?, at now: Timestamp) throws(StorageError) {
    guard let row = try row(of: ArchiveDropTable.declaration, key: known.key) else { return }
    var drop = ArchiveDrop(row)
    if let retry {
      (drop.dueAt, drop.tries) = (retry, drop.tries + 1)
      put(drop.values, in: ArchiveDropTable.declaration)
      return
    }
    deleteRow(of: ArchiveDropTable.declaration, key: drop.key)
    if let reference = drop.blobOfSpooled(at: now) {
      put(reference.values, in: ArchiveDropTable.declaration)
    }
    guard case .blob(let sha256) = drop.target, let blob = try archivedBlob(sha256),
      blob.state == .deleting
    else { return }
    deleteRow(of: ArchiveBlobTable.declaration, key: [.text(sha256)])
  }
}

// MARK: - Care

extension LedgerTransaction {
  /// Clamps due times, and ends the claims of processes that have ended.
  ///
  /// - Parameter node: this process's. An earlier process of this node has ended, because a spool has one
  ///   process at a time; its files must not wait for the end of its claims.
  package func recoverArchive(
    at now: Timestamp, within milliseconds: Int64, endingClaims: Bool, ofNode node: String = ""
  ) throws(StorageError) {
    let latest = now.advanced(byMilliseconds: milliseconds)
    let former = try row(of: ArchiveNodeTable.declaration, key: [.text(node)])?.text("owner")
    let clamps = try holdsArchiveDuty(at: now)
    for kind in [ArchiveWork.fetch, ArchiveWork.manifest] {
      let claims = try endingClaims ? abandonedWork(kind, at: former == nil ? now : latest) : []
      for var item in claims where !isShared || item.owner == former || item.leaseEnd ?? now <= now {
        item.dueAt = now
        (item.owner, item.leaseEnd) = (nil, nil)
        write(.update(item))
      }
      guard clamps else { continue }
      for var item in try laterWork(kind, after: latest) where item.owner == nil || !isShared {
        item.dueAt = latest
        write(.update(item))
      }
    }
  }

  /// Whether this process is the one that removes objects and old files, and takes over from dead nodes.
  package func holdsArchiveDuty(at now: Timestamp) throws(StorageError) -> Bool {
    try holdsLease("archive", for: .seconds(60), at: now)
  }

  /// Claims the lists of files that are due.
  package func claimManifests(
    at now: Timestamp, until leaseEnd: Timestamp, limit: Int
  ) throws(StorageError) -> [WorkItem] {
    var claimed: [WorkItem] = []
    for var item in try dueWork(ArchiveWork.manifest, at: now, limit: limit) {
      item.claim(by: owner, until: leaseEnd)
      write(.update(item))
      claimed.append(item)
    }
    return claimed
  }

  /// - Parameter retry: when to try again; nil where the list is written or not wanted.
  package func finishManifest(_ claim: WorkItem, retry: Timestamp?) throws(StorageError) {
    let items = try work(ofJob: claim.key.job, of: [ArchiveWork.manifest])
    guard var item = items.first(where: { $0.key == claim.key && $0.tries == claim.tries }) else { return }
    guard let retry else { return write(.delete(item.key)) }
    item.dueAt = retry
    (item.owner, item.leaseEnd) = (nil, nil)
    write(.update(item))
  }
}
