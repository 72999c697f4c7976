internal import HTTPWire
internal import Jobs
internal import JobsAPI
internal import KeptFiles
internal import Routing
internal import StoreSeam
internal import Tables

/// Finds the rows of kept files by the ids of their jobs.
struct ArchiveLookup {
  let views: JobViews

  /// The number of the job with that id, its own or its prediction's.
  ///
  /// It is also found after RETENTION has deleted the job: the files of it are kept on, and so is their
  /// address.
  func number(ofJob id: String) async throws(Problem) -> Int64 {
    let number = try await views.read { (reader) throws(StorageError) -> Int64? in
      var query = TableQuery(ArchiveJobTable.declaration, limit: 1)
      query.index = ArchiveJobTable.byID
      query.prefix = [.text(id)]
      // An id may be used again after its job was deleted.
      query.isReversed = true
      // Read first, because a job's record has its whole output.
      if let row = try await reader.rows(query).first { return row.integer("job") }
      return try await reader.job(id)?.number
    }
    guard let number else { throw .jobNotFound }
    return number
  }

  /// The files of a job that RETENTION has deleted. Nil for any other job.
  func prunedFiles(ofJob number: Int64) async throws(Problem) -> (ArchivedJob, [ArchivedFile])? {
    try await views.read { (reader) throws(StorageError) in
      var jobs = TableQuery(ArchiveJobTable.declaration, limit: 1)
      jobs.prefix = ArchiveJobTable.key(number)
      guard let job = try await reader.rows(jobs).first.flatMap({ ArchivedJob($0) }), job.isPruned else {
        return nil
      }
      var files = TableQuery(ArchiveFileTable.declaration, limit: OutputFiles.maxFiles)
      files.prefix = [.integer(number)]
      return (job, try await reader.rows(files).compactMap { ArchivedFile($0) })
    }
  }

  /// The file at that position of the job's list.
  func file(_ n: Int64, ofJob id: String) async throws(Problem) -> ArchivedFile {
    let number = try await number(ofJob: id)
    let row = try await views.read { (reader) throws(StorageError) in
      var query = TableQuery(ArchiveFileTable.declaration, limit: 1)
      query.prefix = ArchiveFileTable.key(number, n)
      return try await reader.rows(query).first
    }
    guard let file = row.flatMap({ ArchivedFile($0) }) else { throw .fileNotFound }
    return file
  }
}

extension Problem {
  static let fileNotFound = Problem(
    .notFound, .fileNotFound,
    "the job keeps no file with this number: `files` of the job lists those it keeps, from 0 on")

  /// - Parameter seconds: after which it may be there.
  static func notStoredYet(_ detail: String, retryAfter seconds: Int64) -> Problem {
    Problem(
      .conflict, .notStoredYet, detail,
      fields: [("Retry-After", String(seconds)), ("Cache-Control", "no-store")])
  }

  /// - Parameter code: of the file.
  static func fileGone(_ code: String, _ detail: String) -> Problem {
    Problem(.gone, .fileGone, "\(code): \(detail)", fields: [("Cache-Control", "no-store")])
  }

  static func unreadableFile(_ reason: String) -> Problem {
    .unavailable(.storeUnavailable, "the file could not be read: the log has the cause", reason: reason)
  }
}
