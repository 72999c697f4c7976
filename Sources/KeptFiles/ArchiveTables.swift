package import Tables

/// The jobs whose files are kept: one row for each job whose request or output says so.
package enum ArchiveJobTable {
  package static let byID = TableDeclaration.Index("archive_jobs_by_id", on: ["id"])

  package static let declaration = TableDeclaration(
    "archive_jobs", key: [.init("job", .integer)],
    columns: [
      // The job's id in the API.
      .init("id", .text),
      .init("model", .text, isOptional: true),
      // ArchiveMode and ArchiveJobState.
      .init("mode", .text), .init("state", .text),
      // The files of the output, and how many of them are in which state.
      .init("files", .integer), .init("stored", .integer), .init("waiting", .integer),
      .init("failed", .integer),
      // The size of the stored files.
      .init("bytes", .integer),
      // How many of the files have been queued: those behind them wait for their turn.
      .init("queued", .integer),
      // When the source may delete the files. 0 before the end.
      .init("source_expires_at", .integer),
      .init("code", .text, isOptional: true),
      // 1 where the job was deleted by RETENTION, and its files were not.
      .init("pruned", .integer),
    ], indexes: [byID])

  package static func key(_ job: Int64) -> [RowValue] { [.integer(job)] }
}

/// The files of those jobs.
package enum ArchiveFileTable {
  /// Those that a node has in its spool, by the time of the next try.
  package static let byNode = TableDeclaration.Index(
    "archive_files_by_node", on: ["node", "state", "due_at"])
  /// Those that are stored, by the time.
  package static let byTime = TableDeclaration.Index("archive_files_by_time", on: ["state", "stored_at"])

  package static let declaration = TableDeclaration(
    "archive_files", key: [.init("job", .integer), .init("n", .integer)],
    columns: [
      // Where the output names the file: a JSON pointer (RFC 6901).
      .init("at", .text),
      // Nil for a data: URI, which is decoded from the recorded output.
      .init("url", .text, isOptional: true),
      // The file with the same URL that is fetched for this one too. Nil where there is none.
      .init("same_as", .integer, isOptional: true),
      // The files that are stored with this one, separated by commas.
      .init("copies", .text, isOptional: true),
      // ArchiveFileState.
      .init("state", .text),
      .init("name", .text, isOptional: true), .init("type", .text, isOptional: true),
      .init("size", .integer, isOptional: true), .init("sha256", .text, isOptional: true),
      // 1 where the blob counts it among its references.
      .init("referenced", .integer),
      .init("tries", .integer),
      // When the next step of a waiting or fetched file is due.
      .init("due_at", .integer),
      // 0 unless it was stored.
      .init("stored_at", .integer),
      // Of the last failure.
      .init("code", .text, isOptional: true), .init("message", .text, isOptional: true),
      // The node whose spool has the file. Empty for none.
      .init("node", .text),
    ], indexes: [byNode, byTime])

  package static func key(_ job: Int64, _ n: Int64) -> [RowValue] { [.integer(job), .integer(n)] }
}

/// The objects in the store, by their content, and how many files refer to each.
package enum ArchiveBlobTable {
  package static let declaration = TableDeclaration(
    "archive_blobs", key: [.init("sha256", .text)],
    columns: [
      .init("size", .integer), .init("refs", .integer),
      // ArchiveBlobState.
      .init("state", .text),
    ])
}

/// What is to be taken from the store: references to blobs, and lists of files.
///
/// A row is written by the transaction that deletes the file's row, and deleted when the object is gone or
/// other files refer to it.
package enum ArchiveDropTable {
  package static let declaration = TableDeclaration(
    "archive_drops",
    key: [
      // The digest of the blob; or `job:` and the id of a job whose list of files is removed.
      .init("object", .text),
      // Distinguishes the references to a blob; names the file: the job's number, a dot and its own.
      .init("reference", .text),
    ],
    columns: [
      .init("due_at", .integer), .init("tries", .integer),
    ], indexes: [byTime])

  package static let byTime = TableDeclaration.Index("archive_drops_by_time", on: ["due_at"])
}

/// The daemons that keep files into one store.
package enum ArchiveNodeTable {
  package static let declaration = TableDeclaration(
    "archive_nodes", key: [.init("node", .text)],
    columns: [
      // What the node has left in a shared folder. Empty with a bucket.
      .init("text", .text),
      .init("seen_at", .integer),
      // The process that has claims in the node's name.
      .init("owner", .text),
    ])
}

/// The numbers and sizes of all files: one row.
package enum ArchiveTotalTable {
  package static let declaration = TableDeclaration(
    "archive_totals", key: [.init("id", .integer)],
    columns: [
      .init("waiting", .integer), .init("fetched", .integer), .init("stored", .integer),
      .init("failed", .integer), .init("deleted", .integer),
      // Of the stored files, equal ones counted each.
      .init("bytes", .integer),
      // Since the first one.
      .init("stored_ever", .integer), .init("bytes_ever", .integer),
    ], isSummed: true)
}

package enum ArchiveTables {
  package static let all = [
    ArchiveJobTable.declaration, ArchiveFileTable.declaration, ArchiveBlobTable.declaration,
    ArchiveDropTable.declaration, ArchiveNodeTable.declaration, ArchiveTotalTable.declaration,
  ]
}
