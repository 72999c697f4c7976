package import Jobs
package import SQLite

/// The statements that write the metadata of jobs.
package final class MetadataStatements {
  private let insertText: Statement
  private let insertMember: Statement

  package init(_ connection: Connection) {
    insertText = Statement("INSERT INTO metadata (job, text) VALUES (?1, ?2)", on: connection)
    insertMember = Statement(
      "INSERT INTO metadata_members (job, key, value) VALUES (?1, ?2, ?3)", on: connection)
  }

  package func insert(_ metadata: JobMetadata, ofJob number: Int64) throws(DatabaseError) {
    try insertText.bind(1, number)
    try insertText.bind(2, copying: metadata.text)
    try insertText.run()
    for member in metadata.members {
      try insertMember.bind(1, number)
      try insertMember.bind(2, member.key)
      try insertMember.bind(3, member.value)
      try insertMember.run()
    }
  }
}
