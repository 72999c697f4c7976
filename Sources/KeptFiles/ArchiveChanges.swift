package import Downloads
internal import JobRequests
internal import Jobs
package import Ledger
package import StoreSeam
package import Tables
package import Time
internal import Work

/// Reads and changes of the archive's rows that keep their numbers right.
extension LedgerTransaction {
  package func archivedJob(_ job: Int64) throws(StorageError) -> ArchivedJob? {
    try row(of: ArchiveJobTable.declaration, key: ArchiveJobTable.key(job)).flatMap { ArchivedJob($0) }
  }

  package func archivedFile(_ job: Int64, _ n: Int64) throws(StorageError) -> ArchivedFile? {
    try row(of: ArchiveFileTable.declaration, key: ArchiveFileTable.key(job, n)).flatMap { ArchivedFile($0) }
  }

  /// The file with that URL. Nil where the job has none.
  ///
  /// - Parameter start: the position to begin at: see ``ArchivedFile/find(_:among:from:reading:)``.
  package func archivedFile(
    of url: String, in job: ArchivedJob, from start: Int64
  ) throws(StorageError) -> ArchivedFile? {
    try ArchivedFile.find(url, among: job.files, from: start) { (n) throws(StorageError) in
      try archivedFile(job.job, n)
    }
  }

  package func put(_ job: ArchivedJob) { put(job.values, in: ArchiveJobTable.declaration) }

  /// Writes a changed file, and updates the numbers.
  package func put(_ file: ArchivedFile, inPlaceOf old: ArchivedFile, of job: inout ArchivedJob) {
    put(file.values, in: ArchiveFileTable.declaration)
    guard old.state != file.state else { return }
    var totals = ArchiveTotals()
    totals.count(old, -1)
    totals.count(file, 1)
    if file.state == .stored { totals.countEver(file) }
    write(totals.addition)
    job.count(old, -1)
    job.count(file, 1)
  }

  // MARK: - Blobs

  /// Reads a blob, and keeps other processes from it until the end of the transaction.
  package func archivedBlob(_ sha256: String) throws(StorageError) -> ArchivedBlob? {
    try lock(subject: ArchivedBlob.number(of: sha256))
    return try row(of: ArchiveBlobTable.declaration, key: [.text(sha256)]).flatMap { ArchivedBlob($0) }
  }

  /// Keeps other processes from the files of a pruned job until the end of the transaction.
  ///
  /// The job has no row that could be locked.
  func lockFiles(ofPruned job: Int64) throws(StorageError) { try lock(subject: -job) }

  package func put(_ blob: ArchivedBlob) { put(blob.values, in: ArchiveBlobTable.declaration) }

  /// Adds a reference to the blob of `file`, and so begins to store it.
  ///
  /// - Returns: nil while the object is being removed: it may be stored again when it is gone.
  package func reference(_ file: inout ArchivedFile, at now: Timestamp) throws(StorageError) -> StoreClaim? {
    let sha256 = file.sha256 ?? ""
    var blob =
      try archivedBlob(sha256)
      ?? ArchivedBlob(sha256: sha256, size: file.size ?? 0, refs: 0, state: .storing)
    guard blob.state != .deleting else { return nil }
    if !file.isReferenced {
      blob.refs += 1
      put(blob)
      file.isReferenced = true
    }
    return StoreClaim(file: file, isKnown: blob.state == .stored)
  }

  /// Takes back the reference of `file`, which a later transaction subtracts.
  package func dropReference(of file: inout ArchivedFile, at now: Timestamp) {
    guard file.isReferenced, let sha256 = file.sha256 else { return }
    write(.put(ArchiveDropTable.declaration, ArchiveDrop(blob: sha256, of: file, at: now).values))
    file.isReferenced = false
  }

  // MARK: - Jobs

  /// Writes a job after changes of its files, and draws the conclusions.
  ///
  /// - Returns: whether all of its files have ended with this.
  @discardableResult
  package func settle(_ job: ArchivedJob, at now: Timestamp) throws(StorageError) -> Bool {
    var job = job
    let before = job.state
    job.state = job.stateOfFiles
    put(job)
    try touch(job.job)
    if job.mode == .required, job.failed > 0 || job.state != .pending {
      let isComplete = job.state == .complete || job.state == .none
      try release(job.job, as: isComplete ? .succeeded : .failed(ArchiveGate.failure), at: now)
    }
    guard before != job.state, job.state != .pending else { return false }
    if job.stored > 0, try work(ofJob: job.job, of: [ArchiveWork.manifest]).isEmpty {
      write(.insert(WorkItem(ArchiveWork.key(ArchiveWork.manifest, job.job, 0), dueAt: now)))
    }
    return true
  }

  /// Queues the next of a job's files.
  package func queueNext(of job: inout ArchivedJob, at now: Timestamp) throws(StorageError) {
    while job.queued < job.files {
      let n = job.queued
      job.queued += 1
      guard let file = try archivedFile(job.job, n), file.state == .waiting, file.sameAs == nil else {
        continue
      }
      write(.insert(WorkItem(ArchiveWork.key(ArchiveWork.fetch, job.job, n), dueAt: file.dueAt)))
      return
    }
  }
}

/// A file that this process stores.
package struct StoreClaim: Equatable, Sendable {
  package let file: ArchivedFile
  /// Whether an equal file was stored before, so that the object may be there.
  package let isKnown: Bool

  package var key: SpoolKey { SpoolKey(job: file.job, index: Int(file.n)) }
}

extension ArchivedJob {
  /// How many of a job's files are queued at first. Each try queues another one.
  package static let maxQueued: Int64 = 4

  package mutating func count(_ file: ArchivedFile, _ sign: Int64) {
    switch file.state {
    case .waiting, .fetched: waiting += sign
    case .stored:
      stored += sign
      bytes += sign * (file.size ?? 0)
    case .failed: failed += sign
    case .deleting, .deleted: break
    }
  }

  /// The state that follows from the numbers.
  package var stateOfFiles: ArchiveJobState {
    if code != nil { return .failed }
    if files == 0 { return .none }
    if waiting > 0 { return .pending }
    if stored == files { return .complete }
    if stored > 0 { return .partial }
    return failed > 0 ? .failed : .deleted
  }
}

/// Differences of the numbers of all files.
package struct ArchiveTotals: Equatable {
  package private(set) var amounts: [String: Int64] = [:]

  package mutating func count(_ file: ArchivedFile, _ sign: Int64) {
    let column = file.state == .deleting ? ArchiveFileState.deleted : file.state
    amounts[column.rawValue, default: 0] += sign
    if file.state == .stored { amounts["bytes", default: 0] += sign * (file.size ?? 0) }
  }

  package mutating func countEver(_ file: ArchivedFile) {
    amounts["stored_ever", default: 0] += 1
    amounts["bytes_ever", default: 0] += file.size ?? 0
  }

  /// A new row has a value in each column, so all are named.
  package var addition: TableWrite {
    .add(
      ArchiveTotalTable.declaration, key: [.integer(0)],
      amounts: ArchiveTotalTable.declaration.columns.dropFirst().map {
        SumAmount($0.name, amounts[$0.name] ?? 0)
      })
  }
}

/// A row of ``ArchiveDropTable``.
package struct ArchiveDrop: Equatable, Sendable {
  package let object: String
  package let reference: String
  package var dueAt: Timestamp
  package var tries: Int64 = 0

  private static let manifestPrefix = "job:"
  private static let spoolPrefix = "spool:"

  private init(_ object: String, _ reference: String, at now: Timestamp) {
    (self.object, self.reference, dueAt) = (object, reference, now)
  }

  package init(blob sha256: String, of file: ArchivedFile, at now: Timestamp) {
    // A file that is fetched again may give back the same reference twice.
    self.init(sha256, "\(file.job).\(file.n).\(now.milliseconds)", at: now)
  }

  package init(manifestOf job: String, at now: Timestamp) {
    self.init(Self.manifestPrefix + job, "", at: now)
  }

  /// The file that a deleted job has left in the spool of its node.
  ///
  /// It may be stored at this moment. So its reference is given back by its node alone.
  package init(spooled file: ArchivedFile, at now: Timestamp) {
    let blob = file.isReferenced ? file.sha256.map { ".\($0)" } : nil
    self.init(Self.spoolPrefix + file.node, "\(file.job).\(file.n)\(blob ?? "")", at: now)
  }

  package init(_ row: TableRow) {
    self.init(
      row.text("object") ?? "", row.text("reference") ?? "",
      at: Timestamp(milliseconds: row.integer("due_at")))
    tries = row.integer("tries")
  }

  package enum Target: Equatable {
    case blob(sha256: String)
    case manifest(job: String)
    case spool(node: String)
  }

  package var target: Target {
    if object.hasPrefix(Self.manifestPrefix) {
      return .manifest(job: String(object.dropFirst(Self.manifestPrefix.count)))
    }
    if object.hasPrefix(Self.spoolPrefix) {
      return .spool(node: String(object.dropFirst(Self.spoolPrefix.count)))
    }
    return .blob(sha256: object)
  }

  /// The file that gave the reference back.
  package var file: SpoolKey? {
    let parts = reference.split(separator: ".")
    guard parts.count >= 2, let job = Int64(parts[0]), let n = Int(parts[1]) else { return nil }
    return SpoolKey(job: job, index: n)
  }

  /// The reference to a blob that a file in a spool has. Nil where it has none.
  package func blobOfSpooled(at now: Timestamp) -> ArchiveDrop? {
    let parts = reference.split(separator: ".")
    guard case .spool = target, parts.count == 3 else { return nil }
    return ArchiveDrop(String(parts[2]), "\(parts[0]).\(parts[1]).\(now.milliseconds)", at: now)
  }

  package var key: [RowValue] { [.text(object), .text(reference)] }

  package var values: [RowValue] {
    key + [.integer(dueAt.milliseconds), .integer(tries)]
  }
}
