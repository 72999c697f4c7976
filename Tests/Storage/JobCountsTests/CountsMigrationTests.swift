import Jobs
import OldSchemas
import SQLiteStore
import Scratch
import Testing

@testable import JobCounts

/// Files that an earlier release has written.
@Suite struct CountsMigrationTests {
  @Test(arguments: OldSchema.allCases)
  func `the jobs of an old file are counted`(_ schema: OldSchema) async throws {
    let file = try TemporaryDatabase()
    try execute(schema.sql, in: file.path)
    _ = try SQLiteStore(path: file.path, tables: JobCounts.tables)
    let reader = try SQLiteReader(path: file.path)
    let counts = try await StateCounts(readFrom: reader)
    #expect(counts.total > 0)
    #expect(try await counts == StateCounts(ofRowsIn: reader))
  }
}
