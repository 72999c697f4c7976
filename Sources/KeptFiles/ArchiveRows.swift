package import JobRequests
internal import StoreSeam
package import Tables
package import Time

/// What has become of a job's files together.
package enum ArchiveJobState: String, CaseIterable, Sendable {
  /// The job has not ended. Its row has only the mode.
  case open
  /// The output has no files.
  case none
  case pending
  case complete
  case partial
  case failed
  case deleted
}

/// What has become of one file.
package enum ArchiveFileState: String, CaseIterable, Sendable {
  /// To be fetched.
  case waiting
  /// In the spool of ``ArchivedFile/node``.
  case fetched
  case stored
  case failed
  /// Deleted while a transfer was in flight, which ends with it. Documents show it as deleted.
  case deleting
  case deleted

  /// Whether nothing more happens to the file by itself.
  package var isFinal: Bool {
    switch self {
    case .waiting, .fetched: false
    case .stored, .failed, .deleting, .deleted: true
    }
  }
}

/// A row of ``ArchiveJobTable``.
package struct ArchivedJob: Equatable, Sendable {
  package let job: Int64
  package let id: String
  package var model: String?
  package var mode: ArchiveMode
  package var state: ArchiveJobState
  package var files: Int64 = 0
  package var stored: Int64 = 0
  package var waiting: Int64 = 0
  package var failed: Int64 = 0
  package var bytes: Int64 = 0
  package var queued: Int64 = 0
  /// Nil before the end.
  package var sourceExpiresAt: Timestamp?
  package var code: String?
  package var isPruned = false

  package init(job: Int64, id: String, mode: ArchiveMode, state: ArchiveJobState = .open) {
    (self.job, self.id, self.mode, self.state) = (job, id, mode, state)
  }

  /// Nil where the row holds a state that this version does not know.
  package init?(_ row: TableRow) {
    guard let mode = row.text("mode").flatMap(ArchiveMode.init(rawValue:)),
      let state = row.text("state").flatMap(ArchiveJobState.init(rawValue:))
    else { return nil }
    self.init(job: row.integer("job"), id: row.text("id") ?? "", mode: mode, state: state)
    (model, code) = (row.text("model"), row.text("code"))
    (files, stored, waiting) = (row.integer("files"), row.integer("stored"), row.integer("waiting"))
    (failed, bytes, queued) = (row.integer("failed"), row.integer("bytes"), row.integer("queued"))
    sourceExpiresAt = row.time("source_expires_at")
    isPruned = row.integer("pruned") != 0
  }

  package var values: [RowValue] {
    [
      .integer(job), .text(id), model.map { .text($0) } ?? .null, .text(mode.rawValue),
      .text(state.rawValue), .integer(files), .integer(stored), .integer(waiting), .integer(failed),
      .integer(bytes), .integer(queued), .integer(sourceExpiresAt?.milliseconds ?? 0),
      code.map { .text($0) } ?? .null, .integer(isPruned ? 1 : 0),
    ]
  }
}

/// A row of ``ArchiveFileTable``.
package struct ArchivedFile: Equatable, Sendable {
  package let job: Int64
  /// Its position in the job's list, from 0.
  package let n: Int64
  /// A JSON pointer.
  package let at: String
  /// Nil for a `data:` URI.
  package let url: String?
  /// The earlier file of the job with the same URL.
  package let sameAs: Int64?
  /// The later files of the job with the same URL.
  package var copies: [Int64] = []
  package var state = ArchiveFileState.waiting
  /// These four are known once it was fetched.
  package var name: String?
  package var type: String?
  package var size: Int64?
  package var sha256: String?
  package var isReferenced = false
  package var tries: Int64 = 0
  package var dueAt: Timestamp
  package var storedAt: Timestamp?
  package var code: String?
  package var message: String?
  /// The node whose spool has it. Empty for none.
  package var node = ""

  package init(job: Int64, n: Int64, at: String, url: String?, sameAs: Int64? = nil, dueAt: Timestamp) {
    (self.job, self.n, self.at, self.url, self.sameAs, self.dueAt) = (job, n, at, url, sameAs, dueAt)
  }

  /// Nil where the row holds a state that this version does not know.
  package init?(_ row: TableRow) {
    guard let state = row.text("state").flatMap(ArchiveFileState.init(rawValue:)) else { return nil }
    self.init(
      job: row.integer("job"), n: row.integer("n"), at: row.text("at") ?? "", url: row.text("url"),
      sameAs: row.optionalInteger("same_as"), dueAt: Timestamp(milliseconds: row.integer("due_at")))
    self.state = state
    copies = (row.text("copies") ?? "").split(separator: ",").compactMap { Int64($0) }
    (name, type, size, sha256) = (
      row.text("name"), row.text("type"), row.optionalInteger("size"), row.text("sha256")
    )
    isReferenced = row.integer("referenced") != 0
    (tries, storedAt) = (row.integer("tries"), row.time("stored_at"))
    (code, message, node) = (row.text("code"), row.text("message"), row.text("node") ?? "")
  }

  package var key: [RowValue] { ArchiveFileTable.key(job, n) }

  /// The first of `count` files from a position on, and around, that has a URL.
  ///
  /// An output's URLs are in the order of its files. So the one behind the last that was found is read first:
  /// an output of 1,000 files costs 1,000 reads, and not half a million.
  static func find<Failure: Error>(
    _ url: String, among count: Int64, from start: Int64,
    reading read: (Int64) throws(Failure) -> ArchivedFile?
  ) throws(Failure) -> ArchivedFile? {
    for distance in 0..<count {
      if let file = try read((start + distance) % count), file.url == url { return file }
    }
    return nil
  }

  package var values: [RowValue] {
    [
      .integer(job), .integer(n), .text(at), url.map { .text($0) } ?? .null,
      sameAs.map { .integer($0) } ?? .null,
      copies.isEmpty ? .null : .text(copies.map(String.init).joined(separator: ",")),
      .text(state.rawValue), name.map { .text($0) } ?? .null,
      type.map { .text($0) } ?? .null, size.map { .integer($0) } ?? .null,
      sha256.map { .text($0) } ?? .null, .integer(isReferenced ? 1 : 0), .integer(tries),
      .integer(dueAt.milliseconds), .integer(storedAt?.milliseconds ?? 0), code.map { .text($0) } ?? .null,
      message.map { .text($0) } ?? .null, .text(node),
    ]
  }
}

/// A row of ``ArchiveBlobTable``.
package struct ArchivedBlob: Equatable, Sendable {
  package enum State: String, Sendable {
    /// A file is being stored, and no other has been.
    case storing
    case stored
    /// No file refers to it, and its object is being removed.
    case deleting
  }

  package let sha256: String
  package let size: Int64
  package var refs: Int64
  package var state: State

  package init(sha256: String, size: Int64, refs: Int64, state: State) {
    (self.sha256, self.size, self.refs, self.state) = (sha256, size, refs, state)
  }

  /// The subject that stands for a blob in locks: its first 60 bits.
  ///
  /// A row of a table whose key is no job has no lock of its own.
  package static func number(of sha256: String) -> Int64 {
    -1 - (Int64(sha256.prefix(15), radix: 16) ?? 0)
  }

  package init?(_ row: TableRow) {
    guard let state = row.text("state").flatMap(State.init(rawValue:)) else { return nil }
    self.init(
      sha256: row.text("sha256") ?? "", size: row.integer("size"), refs: row.integer("refs"), state: state)
  }

  package var values: [RowValue] {
    [.text(sha256), .integer(size), .integer(refs), .text(state.rawValue)]
  }
}

extension TableRow {
  package func optionalInteger(_ column: String) -> Int64? {
    if case .integer(let value) = self[column] { value } else { nil }
  }

  /// A moment that is 0 where there is none.
  package func time(_ column: String) -> Timestamp? {
    let milliseconds = integer(column)
    return milliseconds == 0 ? nil : Timestamp(milliseconds: milliseconds)
  }
}
