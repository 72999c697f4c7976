internal import JSONText
internal import JobRequests
internal import KeptFiles
internal import Tables
internal import Time

/// The JSON documents of kept files.
enum ArchiveDocument {
  /// The member `archive` of a job.
  static func archive(_ job: ArchivedJob) -> [UInt8] {
    var writer = JSONWriter(capacity: 192)
    writer.object { object in
      object.member("mode", string: job.mode.rawValue)
      object.member("state", string: job.state.rawValue)
      guard job.state != .open else { return }
      object.member("stored", integer: job.stored)
      object.member("waiting", integer: job.waiting)
      object.member("failed", integer: job.failed)
      object.member("bytes", integer: job.bytes)
      object.member("source_expires_at", string: job.sourceExpiresAt?.rfc3339)
      object.member("code", string: job.code)
    }
    return writer.bytes
  }

  /// The member `files` of a job.
  static func files(_ files: [ArchivedFile], of job: ArchivedJob, _ runtime: ArchiveRuntime) -> [UInt8] {
    var writer = JSONWriter(capacity: 32 + 384 * files.count)
    writer.array(files) { element, file in
      element.object { object in members(of: file, at: address(of: file, job, runtime), in: &object) }
    }
    return writer.bytes
  }

  private static func members(of file: ArchivedFile, at url: String?, in object: inout JSONWriter.Object) {
    let isGone = file.state == .deleting || file.state == .deleted
    object.member("n", integer: file.n)
    object.member("at", string: file.at)
    object.member("state", string: (isGone ? ArchiveFileState.deleted : file.state).rawValue)
    object.member("name", string: file.name)
    object.member("type", string: file.type)
    object.member("size", integer: file.size)
    object.member("sha256", string: file.sha256)
    object.member("stored_at", string: file.storedAt?.rfc3339)
    object.member("url", string: url)
    let isTriedAgain = (file.state == .waiting || file.state == .fetched) && file.tries > 0
    if isTriedAgain || file.state == .failed { object.member("tries", integer: file.tries) }
    if isTriedAgain { object.member("next_try_at", string: file.dueAt.rfc3339) }
    // What went wrong before is of no interest once the file is stored.
    guard file.state != .stored, let code = file.code else { return }
    object.member("error") { error in
      error.object { members in
        members.member("code", string: code)
        members.member("message", string: file.message)
      }
    }
  }

  /// Where a file is to be had; nil where it is not.
  private static func address(of file: ArchivedFile, _ job: ArchivedJob, _ runtime: ArchiveRuntime) -> String?
  {
    switch file.state {
    case .stored:
      if let sha256 = file.sha256, let url = runtime.publicURL(ofContent: sha256) {
        return url
      }
    case .fetched: break
    case .waiting, .failed, .deleting, .deleted: return nil
    }
    // Ids of jobs need no encoding.
    return "/jobs/\(job.id)/files/\(file.n)"
  }
}

// MARK: - The state of all

extension ArchiveDocument {
  /// The document of `GET /archive`.
  ///
  /// - Parameter totals: the row of ``ArchiveTotalTable``; nil where nothing was kept yet.
  static func status(_ totals: TableRow?, _ runtime: ArchiveRuntime) -> [UInt8] {
    let queue = runtime.queue
    var writer = JSONWriter(capacity: 512)
    writer.object { object in
      object.member("files") { files in
        files.object { counts in
          counts.member("waiting", integer: totals?.integer("waiting") ?? 0)
          counts.member("fetched", integer: totals?.integer("fetched") ?? 0)
          counts.member("stored", integer: totals?.integer("stored") ?? 0)
          counts.member("failed", integer: totals?.integer("failed") ?? 0)
          counts.member("deleted", integer: totals?.integer("deleted") ?? 0)
        }
      }
      object.member("bytes", integer: totals?.integer("bytes") ?? 0)
      object.member("spool_bytes", integer: queue.spoolBytes)
      object.member("free_bytes", integer: runtime.freeBytes)
      object.member("oldest_waiting_at", string: queue.oldestWaiting?.rfc3339)
      object.member("nearest_expiry_at", string: queue.nearestExpiry?.rfc3339)
      guard let paused = runtime.pause else { return }
      object.member("paused") { element in
        element.object { members in
          members.member("code", string: paused.code.rawValue)
          members.member("message", string: paused.message)
          members.member("since", string: paused.since.rfc3339)
        }
      }
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }
}
