import Jobs
import StoreSeam
import PostgreSQLServer
import StoreFixture
import Testing

@testable import PostgreSQLReads

/// What bounds a page: its bytes, and the jobs that are searched through.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct PageBoundTests {
  /// Nine bodies of a megabyte exceed a page, which then has eight.
  @Test func `a page ends before it exceeds its bytes`() async throws {
    let database = try FilledDatabase()
    try database.insertJobs(20, body: 1 << 20)
    let first = try await database.reader.jobs(
      matching: JobFilter(), before: nil, limit: 100, including: .output)
    // The metadata of two jobs leaves no space for an eighth body.
    #expect(first.rows.map(\.number) == Array((14...20).reversed()))
    #expect(first.next == first.rows.last?.number)
    var numbers = first.rows.map(\.number)
    var next = first.next
    while let before = next {
      let page = try await database.reader.jobs(
        matching: JobFilter(), before: before, limit: 100, including: .output)
      #expect(page.rows.count <= 8 && !page.rows.isEmpty)
      #expect(page.rows.allSatisfy { $0.body?.count == 1 << 20 })
      numbers += page.rows.map(\.number)
      next = page.next
    }
    #expect(numbers == Array((1...20).reversed()))
  }

  @Test func `a job that exceeds a page alone is one page`() async throws {
    let database = try FilledDatabase()
    try database.insertJobs(3, body: 9 << 20)
    let page = try await database.reader.jobs(
      matching: JobFilter(), before: nil, limit: 100, including: .output)
    #expect(page.rows.map(\.number) == [3])
    #expect(page.next == 3)
    let slice = try await database.reader.changes(
      after: 1, limit: 100, matching: JobFilter(), including: .output)
    #expect(slice.entries.map(\.change) == [2])
    #expect(slice.last == 2 && slice.hasMore)
  }

  /// The input of a job without a report is in its request.
  @Test func `requests count among the bytes of a page`() async throws {
    let database = try FilledDatabase()
    try database.insertJobs(200)
    try database.backend.execute(
      """
      UPDATE jobs SET provider_status = NULL, body = '' WHERE id IS NOT NULL;
      UPDATE orders SET request = convert_to(repeat('r', 3 * 1024 * 1024), 'UTF8');
      """)
    let filter = JobFilter(metadata: [MetadataMember(key: "tenant", value: "t1")])
    let page = try await database.reader.jobs(
      matching: filter, before: nil, limit: 100, including: .input)
    #expect(page.rows.map(\.number) == [160, 110])
    #expect(page.rows.allSatisfy { $0.request?.count == 3 << 20 })
    #expect(page.next == 110)
  }

  @Test(arguments: [
    JobFilter(state: .pending), JobFilter(state: .failed, model: "none"),
    JobFilter(state: .canceled, metadata: [MetadataMember(key: "tenant", value: "t1")]),
    JobFilter(metadata: [
      MetadataMember(key: "tenant", value: "t1"), MetadataMember(key: "tenant", value: "t2"),
    ]),
  ])
  func `a search ends at the maximum of examined jobs, and goes on from there`(
    _ filter: JobFilter
  ) async throws {
    let database = try FilledDatabase(maxExamined: 5)
    try database.insertJobs(1100)
    var (next, pages) = (Int64?.none, 0)
    repeat {
      let page = try await database.reader.jobs(matching: filter, before: next, limit: 100, including: [])
      #expect(page.rows.isEmpty)
      #expect(page.next == nil || page.next ?? 0 < next ?? .max)
      (next, pages) = (page.next, pages + 1)
    } while next != nil && pages < 100
    // Eleven have failed, eleven are running, and 22 have each value.
    #expect((3...5).contains(pages))
  }

  /// The member that few jobs have is searched through, wherever it is in the filter.
  @Test(arguments: [true, false]) func `a rare member is found at once`(_ isFirst: Bool) async throws {
    let database = try FilledDatabase(maxExamined: 5)
    try database.insertJobs(1100)
    let members = [MetadataMember(key: "tenant", value: "t1"), MetadataMember(key: "user", value: "u60")]
    let page = try await database.reader.jobs(
      matching: JobFilter(metadata: isFirst ? members.reversed() : members), before: nil, limit: 100,
      including: [])
    #expect(page.rows.map(\.number) == [60])
    #expect(page.next == nil)
  }
}
