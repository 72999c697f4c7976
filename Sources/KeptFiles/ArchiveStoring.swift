package import BlobStores
internal import Downloads
package import Ledger
package import StoreSeam
internal import Tables
package import Time
internal import Work

/// What a try to store a file has made of it.
package enum StoringResult: Equatable, Sendable {
  case stored
  case retried(BlobFailure)
  case failed(ArchiveCode)
  /// It is to be fetched again.
  case refetched
  /// It is not wanted any more.
  case dropped
  /// The process ends.
  case canceled

  /// Whether the spool's file is of no more use.
  package var endsSpooling: Bool {
    switch self {
    case .stored, .failed, .refetched, .dropped: true
    case .retried, .canceled: false
    }
  }
}

extension LedgerTransaction {
  /// Begins to store a file of this node's spool: its blob counts it from now on.
  ///
  /// - Returns: nil where it is not to be stored, or not yet.
  package func beginStore(_ known: ArchivedFile, at now: Timestamp) throws(StorageError) -> StoreClaim? {
    guard var job = try archivedJob(known.job), let old = try archivedFile(known.job, known.n),
      old.state == .fetched, old.node == known.node
    else { return nil }
    var file = old
    guard let claim = try reference(&file, at: now) else {
      file.dueAt = now.advanced(byMilliseconds: 1000)
      put(file, inPlaceOf: old, of: &job)
      return nil
    }
    if file != old { put(file, inPlaceOf: old, of: &job) }
    return claim
  }

  /// Records the result of a try.
  package func finishStore(
    _ known: ArchivedFile, _ outcome: BlobOutcome, at now: Timestamp, jitter: Double
  ) throws(StorageError) -> StoringResult {
    guard var job = try archivedJob(known.job), let old = try archivedFile(known.job, known.n),
      old.node == known.node
    else { return .dropped }
    if old.state == .deleting {
      try endDeletion(of: old, at: now)
      return .dropped
    }
    guard old.state == .fetched else { return .dropped }
    var file = old
    let result: StoringResult
    switch outcome {
    case .stored:
      try noteStored(&file, of: &job, at: now)
      result = .stored
    case .failed(let failure) where failure.code == .canceled: return .canceled
    case .failed(let failure) where failure.code == .tooLarge:
      try give(up: &file, of: &job, code: .tooLarge, message: failure.message, at: now)
      result = .failed(.tooLarge)
    case .failed(let failure):
      file.tries += 1
      (file.code, file.message) = (ArchiveCode(failure.code).rawValue, failure.message)
      // After these the whole store waits.
      let pause =
        failure.pause == nil
        ? FetchSchedule.pause(afterTry: file.tries, retryAfter: failure.retryAfter, jitter: jitter) : 0
      file.dueAt = now.advanced(byMilliseconds: pause)
      result = .retried(failure)
    case .damaged, .missing:
      let isLate = now >= job.sourceExpiresAt ?? now
      if outcome == .missing, isLate {
        try give(
          up: &file, of: &job, code: .spoolLost, message: "the spool has no such file any more", at: now)
        result = .failed(.spoolLost)
      } else {
        fetchAgain(&file, at: now)
        result = .refetched
      }
    }
    put(file, inPlaceOf: old, of: &job)
    try settle(job, at: now)
    return result
  }

  private func noteStored(
    _ file: inout ArchivedFile, of job: inout ArchivedJob, at now: Timestamp
  ) throws(StorageError) {
    write(.delete(ArchiveWork.key(ArchiveWork.store, file.job, file.n)))
    (file.state, file.storedAt, file.tries) = (.stored, now, 0)
    (file.node, file.code, file.message) = ("", nil, nil)
    let copies = try copies(of: file)
    if let sha256 = file.sha256, var blob = try archivedBlob(sha256) {
      blob.state = .stored
      blob.refs += Int64(copies.count)
      put(blob)
    }
    for copy in copies {
      var stored = copy
      (stored.state, stored.storedAt) = (.stored, now)
      (stored.name, stored.type, stored.size) = (file.name, file.type, file.size)
      (stored.sha256, stored.isReferenced) = (file.sha256, true)
      put(stored, inPlaceOf: copy, of: &job)
    }
  }

  private func give(
    up file: inout ArchivedFile, of job: inout ArchivedJob, code: ArchiveCode, message: String,
    at now: Timestamp
  ) throws(StorageError) {
    write(.delete(ArchiveWork.key(ArchiveWork.store, file.job, file.n)))
    dropReference(of: &file, at: now)
    (file.state, file.code, file.message, file.node) = (.failed, code.rawValue, message, "")
    for copy in try copies(of: file) {
      var failed = copy
      (failed.state, failed.code, failed.message) = (.failed, file.code, file.message)
      put(failed, inPlaceOf: copy, of: &job)
    }
  }

  /// Makes a file whose bytes are lost wait again.
  package func fetchAgain(_ file: inout ArchivedFile, at now: Timestamp) {
    dropReference(of: &file, at: now)
    (file.state, file.node, file.tries, file.dueAt) = (.waiting, "", 0, now)
    (file.sha256, file.size) = (nil, nil)
    write(.delete(ArchiveWork.key(ArchiveWork.store, file.job, file.n)))
    write(.insert(WorkItem(ArchiveWork.key(ArchiveWork.fetch, file.job, file.n), dueAt: now)))
  }

  /// Ends what was deleted while it was in a spool.
  package func endDeletion(of known: ArchivedFile, at now: Timestamp) throws(StorageError) {
    guard var job = try archivedJob(known.job), let old = try archivedFile(known.job, known.n),
      old.state == .deleting
    else { return }
    var file = old
    dropReference(of: &file, at: now)
    (file.state, file.node) = (.deleted, "")
    write(.delete(ArchiveWork.key(ArchiveWork.store, file.job, file.n)))
    put(file, inPlaceOf: old, of: &job)
    put(job)
    try touch(job.job)
  }

  /// Makes the files of a spool that is gone wait again.
  ///
  /// - Parameter isLost: whether the spool of the node still has the file.
  package func recoverSpooled(_ known: ArchivedFile, at now: Timestamp) throws(StorageError) {
    guard var job = try archivedJob(known.job), let old = try archivedFile(known.job, known.n),
      old.node == known.node
    else { return }
    if old.state == .deleting { return try endDeletion(of: old, at: now) }
    guard old.state == .fetched else { return }
    var file = old
    if now >= job.sourceExpiresAt ?? now {
      try give(
        up: &file, of: &job, code: .spoolLost, message: "the spool has no such file any more", at: now)
    } else {
      fetchAgain(&file, at: now)
    }
    put(file, inPlaceOf: old, of: &job)
    try settle(job, at: now)
  }
}
