internal import BlobStores
internal import EventLoop
internal import JSONText
internal import KeptFiles
internal import StoreSeam
internal import Synchronization
internal import Tables
internal import Time
internal import Work

// MARK: - Lists of files

/// The list of a job's files, which the store keeps beside them.
///
/// It has no input and no prompt.
enum ArchiveManifest {
  static func document(of job: ArchivedJob, _ files: [ArchivedFile]) -> [UInt8] {
    var writer = JSONWriter(capacity: 256 + 256 * files.count)
    writer.object { object in
      object.member("id", string: job.id)
      object.member("model", string: job.model)
      object.member("files") { list in
        list.array(files) { element, file in
          element.object { member in
            member.member("n", integer: file.n)
            member.member("at", string: file.at)
            member.member("name", string: file.name)
            member.member("type", string: file.type)
            member.member("size", integer: file.size)
            member.member("sha256", string: file.sha256)
            member.member("stored_at", string: file.storedAt?.rfc3339)
          }
        }
      }
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }
}

extension Archivist {
  private static let manifestLease: Int64 = 120_000

  func startManifests(in group: inout DiscardingTaskGroup) async throws(StorageError) {
    guard canStore, writingManifests < Self.maxManifests else { return }
    let time = time
    guard let due = try await reader.nextDue(ArchiveWork.manifest), due <= time else { return }
    let (limit, leaseEnd) = (
      Self.maxManifests - writingManifests, time.advanced(byMilliseconds: Self.manifestLease)
    )
    let claims = try await write { transaction throws(StorageError) in
      try transaction.claimManifests(at: time, until: leaseEnd, limit: limit)
    }
    for claim in claims {
      writingManifests += 1
      group.addTask { await self.writeManifest(claim) }
    }
  }

  private func writeManifest(_ claim: WorkItem) async {
    defer {
      writingManifests -= 1
      timer.wake()
    }
    var retry: Timestamp?
    do throws(StorageError) {
      if let failure = try await write(manifestOf: claim.key.job) {
        note(failure)
        let pause = FetchSchedule.pause(
          afterTry: claim.tries, retryAfter: failure.retryAfter, jitter: jitter())
        retry = time.advanced(byMilliseconds: pause)
      }
    } catch {
      retry = time.advanced(byMilliseconds: 1000)
    }
    let due = retry
    _ = await persist { transaction throws(StorageError) in
      try transaction.finishManifest(claim, retry: due)
    }
  }

  private func write(manifestOf number: Int64) async throws(StorageError) -> BlobFailure? {
    var jobs = TableQuery(ArchiveJobTable.declaration, limit: 1)
    jobs.prefix = [.integer(number)]
    guard let job = try await reader.rows(jobs).first.flatMap({ ArchivedJob($0) }) else { return nil }
    var query = TableQuery(ArchiveFileTable.declaration, limit: OutputFiles.maxFiles)
    query.prefix = [.integer(number)]
    let files = try await reader.rows(query).compactMap { ArchivedFile($0) }.filter { $0.state == .stored }
    guard !files.isEmpty else { return nil }
    let (store, runtime) = (resources.store, runtime)
    let failure = await storers.run { _ -> BlobFailure? in
      do throws(BlobFailure) {
        try store.write(
          ArchiveManifest.document(of: job, files), to: .manifest(job: job.id)
        ) { runtime.isStopping.load(ordering: .relaxed) }
        return nil
      } catch {
        return error
      }
    }
    return failure ?? BlobFailure(.canceled, "the daemon ends")
  }
}
