package import Work

/// The work of keeping files.
package enum ArchiveWork {
  /// A file to be fetched: one item for each of the first files of a job.
  package static let fetch = WorkKind(rawValue: "archive_fetch")
  /// A file in a spool, to be stored.
  ///
  /// It is never due, because only the node with the spool can store it, which finds it by the file's row. It
  /// keeps the job from being pruned.
  package static let store = WorkKind(rawValue: "archive_store")
  /// The list of a job's files, to be written into the store.
  package static let manifest = WorkKind(rawValue: "archive_manifest")

  package static let kinds = [fetch, store, manifest]
  package static let all = Set(kinds)

  package static func key(_ kind: WorkKind, _ job: Int64, _ n: Int64) -> WorkKey {
    WorkKey(kind, job: job, key: String(n))
  }
}

extension WorkItem {
  /// The position of the file that it is about. -1 where the key is none of this version.
  package var file: Int64 { Int64(key.key) ?? -1 }
}
