package import StoreSeam
internal import Tables
package import Time

/// Reads of the archive's rows outside of commits.
extension StoreReader {
  /// When the source may delete the first of the files that are to be fetched. Nil where none waits.
  ///
  /// Those that are due come in the order of their expiries; those that are tried again do not, and are the
  /// ones in danger.
  package func nearestExpiry(at now: Timestamp) async throws(StorageError) -> Timestamp? {
    var query = TableQuery(ArchiveFileTable.declaration, limit: 50)
    query.index = ArchiveFileTable.byNode
    query.prefix = [.text(""), .text(ArchiveFileState.waiting.rawValue)]
    var files = try await rows(query)
    query.bounds = now.milliseconds + 1...Int64.max
    query.limit = 200
    files += try await rows(query)
    return try await archivedJobs(Set(files.map { $0.integer("job") })).values
      .compactMap(\.sourceExpiresAt).min()
  }

  /// The rows of jobs, by their numbers.
  package func archivedJobs(_ numbers: Set<Int64>) async throws(StorageError) -> [Int64: ArchivedJob] {
    guard !numbers.isEmpty else { return [:] }
    var query = TableQuery(ArchiveJobTable.declaration, limit: numbers.count)
    query.among = numbers.sorted()
    var jobs: [Int64: ArchivedJob] = [:]
    for row in try await rows(query) {
      if let job = ArchivedJob(row) { jobs[job.job] = job }
    }
    return jobs
  }
}
