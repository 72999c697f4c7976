internal import JobRequests
internal import StoreSeam
internal import Tables
internal import Time

/// What has become of a job's files together.
enum ArchiveJobState: String, CaseIterable, Sendable {
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
enum ArchiveFileState: String, CaseIterable, Sendable {
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
  var isFinal: Bool {
    switch self {
    case .waiting, .fetched: false
    case .stored, .failed, .deleting, .deleted: true
    }
  }
}

/// A row of ``ArchiveJobTable``.
struct ArchivedJob: Equatable, Sendable {
  let job: Int64
  let id: String
  var model: String?
  var mode: ArchiveMode
  var state: ArchiveJobState
  var files: Int64 = 0
  var stored: Int64 = 0
  var waiting: Int64 = 0
  var failed: Int64 = 0
  var bytes: Int64 = 0
  var queued: Int64 = 0
  /// Nil before the end.
  var sourceExpiresAt: Timestamp?
  var code: String?
  var isPruned = false

  init(job: Int64, id: String, mode: ArchiveMode, state: ArchiveJobState = .open) {
    (self.job, self.id, self.mode, self.state) = (job, id, mode, state)
  }

  /// Nil where the row holds a state that this version does not know.
  init?(_ row: TableRow) {
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

  var values: [RowValue] {
    [
      .integer(job), .text(id), model.map { .text($0) } ?? .null, .text(mode.rawValue),
      .text(state.rawValue), .integer(files), .integer(stored), .integer(waiting), .integer(failed),
      .integer(bytes), .integer(queued), .integer(sourceExpiresAt?.milliseconds ?? 0),
      code.map { .text($0) } ?? .null, .integer(isPruned ? 1 : 0),
    ]
  }
}

/// A row of ``ArchiveFileTable``.
struct ArchivedFile: Equatable, Sendable {
  let job: Int64
  /// Its position in the job's list, from 0.
  let n: Int64
  /// A JSON pointer.
  let at: String
  /// Nil for a `data:` URI.
  let url: String?
  /// The earlier file of the job with the same URL.
  let sameAs: Int64?
  /// The later files of the job with the same URL.
  var copies: [Int64] = []
  var state = ArchiveFileState.waiting
  /// These four are known once it was fetched.
  var name: String?
  var type: String?
  var size: Int64?
  var sha256: String?
  var isReferenced = false
  var tries: Int64 = 0
  var dueAt: Timestamp
  var storedAt: Timestamp?
  var code: String?
  var message: String?
  /// The node whose spool has it. Empty for none.
  var node = ""

  init(job: Int64, n: Int64, at: String, url: String?, sameAs: Int64? = nil, dueAt: Timestamp) {
    (self.job, self.n, self.at, self.url, self.sameAs, self.dueAt) = (job, n, at, url, sameAs, dueAt)
  }

  /// Nil where the row holds a state that this version does not know.
  init?(_ row: TableRow) {
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

  var key: [RowValue] { ArchiveFileTable.key(job, n) }

  var values: [RowValue] {
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
struct ArchivedBlob: Equatable, Sendable {
  enum State: String, Sendable {
    /// A file is being stored, and no other has been.
    case storing
    case stored
    /// No file refers to it, and its object is being removed.
    case deleting
  }

  let sha256: String
  let size: Int64
  var refs: Int64
  var state: State

  init(sha256: String, size: Int64, refs: Int64, state: State) {
    (self.sha256, self.size, self.refs, self.state) = (sha256, size, refs, state)
  }

  init?(_ row: TableRow) {
    guard let state = row.text("state").flatMap(State.init(rawValue:)) else { return nil }
    self.init(
      sha256: row.text("sha256") ?? "", size: row.integer("size"), refs: row.integer("refs"), state: state)
  }

  var values: [RowValue] {
    [.text(sha256), .integer(size), .integer(refs), .text(state.rawValue)]
  }
}

extension TableRow {
  func optionalInteger(_ column: String) -> Int64? {
    if case .integer(let value) = self[column] { value } else { nil }
  }

  /// A moment that is 0 where there is none.
  func time(_ column: String) -> Timestamp? {
    let milliseconds = integer(column)
    return milliseconds == 0 ? nil : Timestamp(milliseconds: milliseconds)
  }
}
