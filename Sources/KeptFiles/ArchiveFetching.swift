package import BlobStores
package import Downloads
package import Ledger
package import StoreSeam
package import Time
package import Work

/// A file that this process fetches.
package struct FetchClaim: Equatable, Sendable {
  package let item: WorkItem
  package let file: ArchivedFile
  package let job: ArchivedJob

  package var key: SpoolKey { SpoolKey(job: file.job, index: Int(file.n)) }
}

/// The files that a transaction has claimed.
package struct ClaimedFetches: Sendable {
  package var claims: [FetchClaim] = []
  /// Whether an item was deleted, so that more may be due than was looked at.
  package var hasDeleted = false
}

/// What a try to fetch a file has made of it.
package enum FetchResult: Equatable, Sendable {
  /// It is in the spool, and may be stored at once.
  case fetched(StoreClaim)
  /// It is in the spool, and waits to be stored.
  case spooled
  case retried(ArchiveCode)
  case failed(ArchiveCode)
  /// It is not wanted any more: the spool's file goes.
  case dropped
}

extension LedgerTransaction {
  private static var maxLookedAt: Int { 64 }
  /// Of one job, while others wait.
  package static var maxFetchesOfJob: Int { 2 }

  /// Claims due files, those that expire first.
  ///
  /// - Parameter inFlight: the files of each job that this process fetches.
  package func claimFetches(
    at now: Timestamp, until leaseEnd: Timestamp, limit: Int, inFlight: [Int64: Set<SpoolKey>]
  ) throws(StorageError) -> ClaimedFetches {
    var claimed = ClaimedFetches()
    var running = inFlight.mapValues(\.count)
    var spare: [FetchClaim] = []
    for item in try dueWork(ArchiveWork.fetch, at: now, limit: Self.maxLookedAt) {
      guard claimed.claims.count < limit else { break }
      guard let claim = try fetch(of: item, at: now) else {
        claimed.hasDeleted = true
        continue
      }
      // Its claim has expired: the database was away, or the machine. Two transfers must not write one part.
      if inFlight[item.key.job]?.contains(claim.key) == true {
        renew(item, until: leaseEnd)
        continue
      }
      if running[item.key.job, default: 0] < Self.maxFetchesOfJob {
        running[item.key.job, default: 0] += 1
        claimed.claims.append(claim)
      } else {
        spare.append(claim)
      }
    }
    // Where no other job waits, one may have all.
    claimed.claims += spare.prefix(limit - claimed.claims.count)
    claimed.claims = claimed.claims.map { claim in
      var item = claim.item
      item.claim(by: owner, until: leaseEnd)
      write(.update(item))
      return FetchClaim(item: item, file: claim.file, job: claim.job)
    }
    return claimed
  }

  /// Keeps other processes from a file that is in flight.
  package func renew(_ claim: FetchClaim, until leaseEnd: Timestamp) throws(StorageError) {
    let items = try work(ofJob: claim.file.job, of: [ArchiveWork.fetch])
    guard let item = items.first(where: { $0.key == claim.item.key }), item.owner == claim.item.owner else {
      return
    }
    renew(item, until: leaseEnd)
  }

  private func renew(_ item: WorkItem, until leaseEnd: Timestamp) {
    var item = item
    (item.dueAt, item.leaseEnd, item.owner) = (leaseEnd, leaseEnd, owner)
    write(.update(item))
  }

  /// The file of a due item. Nil where there is nothing to be fetched; then the item is deleted.
  private func fetch(of item: WorkItem, at now: Timestamp) throws(StorageError) -> FetchClaim? {
    if var job = try archivedJob(item.key.job) {
      if let file = try archivedFile(item.key.job, item.file) {
        if file.state == .waiting { return FetchClaim(item: item, file: file, job: job) }
        if file.state == .deleting { try finishDeleting(file, of: &job, at: now) }
      } else {
        // A held job without files.
        try settle(job, at: now)
      }
    }
    write(.delete(item.key))
    return nil
  }

  /// A file that was deleted while it was in flight.
  private func finishDeleting(
    _ file: ArchivedFile, of job: inout ArchivedJob, at now: Timestamp
  ) throws(StorageError) {
    var deleted = file
    deleted.state = .deleted
    deleted.node = ""
    dropReference(of: &deleted, at: now)
    put(deleted, inPlaceOf: file, of: &job)
    put(job)
    try touch(job.job)
  }

  /// Records the result of a try, and queues the next file of the job.
  ///
  /// - Parameters:
  ///   - node: this process's.
  ///   - canStore: whether the store takes files now.
  ///   - jitter: a random number from 0 to 1.
  package func finishFetch(
    _ claim: FetchClaim, _ outcome: DownloadOutcome, node: String, canStore: Bool, at now: Timestamp,
    jitter: Double
  ) throws(StorageError) -> FetchResult {
    guard var job = try archivedJob(claim.file.job), let old = try archivedFile(claim.file.job, claim.file.n)
    else { return .dropped }
    if case .finished(let download) = outcome, old.state == .fetched, old.node == node,
      old.sha256 == download.sha256
    {
      // It was recorded before: the answer to that commit was lost. The spool has the only copy.
      return .spooled
    }
    guard old.state == .waiting else {
      // Another node may have had the claim meanwhile; its work stays.
      if old.state == .deleting {
        write(.delete(claim.item.key))
        try finishDeleting(old, of: &job, at: now)
      }
      return .dropped
    }
    if case .canceled = outcome { return .dropped }
    if claim.file.tries == 0 { try queueNext(of: &job, at: now) }
    var file = old
    let result: FetchResult
    switch outcome {
    case .finished(let download):
      write(.delete(claim.item.key))
      write(
        .insert(WorkItem(ArchiveWork.key(ArchiveWork.store, file.job, file.n), dueAt: .distantFuture)))
      (file.state, file.node, file.tries, file.dueAt) = (.fetched, node, 0, now)
      (file.name, file.type, file.size) = (download.name, "\(download.type)", Int64(download.size))
      (file.sha256, file.code, file.message) = (download.sha256, nil, nil)
      let claim = canStore ? try reference(&file, at: now) : nil
      result = claim.map { .fetched($0) } ?? .spooled
    case .failed(let failure):
      file.tries += 1
      file.message = failure.message
      let next = FetchSchedule.next(
        after: failure, tries: file.tries, expiry: job.sourceExpiresAt ?? now, at: now, jitter: jitter)
      switch next {
      case .retry(let moment):
        let code = ArchiveCode(failure.code)
        (file.code, file.dueAt) = (code.rawValue, moment)
        var item = claim.item
        item.dueAt = moment
        (item.owner, item.leaseEnd) = (nil, nil)
        write(.update(item))
        result = .retried(code)
      case .failed(let code):
        write(.delete(claim.item.key))
        (file.state, file.code) = (.failed, code.rawValue)
        result = .failed(code)
        for copy in try copies(of: file) {
          var failed = copy
          (failed.state, failed.code, failed.message) = (.failed, file.code, file.message)
          put(failed, inPlaceOf: copy, of: &job)
        }
      }
    case .canceled: return .dropped
    }
    put(file, inPlaceOf: old, of: &job)
    try settle(job, at: now)
    return result
  }

  /// The later files with the same URL, which wait for this one.
  package func copies(of file: ArchivedFile) throws(StorageError) -> [ArchivedFile] {
    var copies: [ArchivedFile] = []
    for n in file.copies {
      if let copy = try archivedFile(file.job, n), copy.state == .waiting { copies.append(copy) }
    }
    return copies
  }
}

extension ArchiveCode {
  package init(_ code: DownloadFailure.Code) { self = ArchiveCode(rawValue: code.rawValue) ?? .sourceBusy }

  package init(_ code: BlobFailure.Code) { self = ArchiveCode(rawValue: code.rawValue) ?? .storeUnreachable }
}
