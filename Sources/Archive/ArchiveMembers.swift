internal import JobsAPI
internal import KeptFiles
internal import StoreSeam
internal import Tables

/// Adds `archive` and `files` to the documents of jobs, and `archive` to the rows of lists.
struct ArchiveMembers: JobMembers {
  let runtime: ArchiveRuntime

  func members(
    ofJob number: Int64, id: String, in reader: any StoreReader
  ) async throws(StorageError) -> [JobMember] {
    var query = TableQuery(ArchiveJobTable.declaration, limit: 1)
    query.prefix = ArchiveJobTable.key(number)
    guard let job = try await reader.rows(query).first.flatMap({ ArchivedJob($0) }) else { return [] }
    let archive = JobMember("archive", ArchiveDocument.archive(job))
    // Which files there are is known from the end on.
    guard job.state != .open else { return [archive] }
    return [
      archive,
      JobMember("files", ArchiveDocument.files(try await files(of: job, in: reader), of: job, runtime)),
    ]
  }

  private func files(
    of job: ArchivedJob, in reader: any StoreReader
  ) async throws(StorageError) -> [ArchivedFile] {
    guard job.files > 0 else { return [] }
    var query = TableQuery(ArchiveFileTable.declaration, limit: OutputFiles.maxFiles)
    query.prefix = [.integer(job.job)]
    return try await reader.rows(query).compactMap { ArchivedFile($0) }
  }

  func members(
    ofJobs numbers: [Int64], in reader: any StoreReader
  ) async throws(StorageError) -> [Int64: [JobMember]] {
    var query = TableQuery(ArchiveJobTable.declaration, limit: numbers.count)
    query.among = numbers
    var members: [Int64: [JobMember]] = [:]
    for job in try await reader.rows(query).compactMap({ ArchivedJob($0) }) {
      members[job.job] = [JobMember("archive", ArchiveDocument.archive(job))]
    }
    return members
  }
}
