import Jobs
import Ledger
import SQLiteStore
import StoreFixture
import Testing

/// Lists whose conditions are met by few of many jobs.
@Suite struct ListBoundTests {
  /// Sixty jobs of user 7, every twentieth with a second member and every fifteenth of another model.
  private static func filled() throws -> (OrderedStore, SQLiteBackend) {
    let backend = try SQLiteBackend(isInMemory: true)
    let store = try OrderedStore(on: backend)
    for number in 1...60 {
      let isRare = number.isMultiple(of: 20)
      try store.place(
        "j\(number)", [("user", "7")] + (isRare ? [("rare", "x")] : []),
        model: number.isMultiple(of: 15) ? "a/rare" : "a/b")
    }
    return (store, backend)
  }

  private static func member(_ key: String, _ value: String) -> MetadataMember {
    MetadataMember(key: key, value: value)
  }

  /// The ids of each page.
  private func pages(
    _ reader: SQLiteReader, _ filter: JobFilter, limit: Int
  ) throws -> [[String]] {
    var (pages, before): ([[String]], Int64?) = ([], nil)
    repeat {
      let page = try reader.jobs(matching: filter, before: before, limit: limit)
      pages.append(page.jobs.map(\.id))
      before = page.next
    } while before != nil
    return pages
  }

  @Test(arguments: [1, 7, 59, 60, 61])
  func `a page ends after so many jobs, and the pages have all`(_ maxExamined: Int) throws {
    let (_, backend) = try Self.filled()
    let reader = try SQLiteReader(path: backend.path, maxExamined: maxExamined)
    let filter = JobFilter(model: "a/rare", metadata: [Self.member("user", "7")])
    for limit in [1, 2, 100] {
      let pages = try pages(reader, filter, limit: limit)
      #expect(pages.flatMap(\.self) == ["j60", "j45", "j30", "j15"])
      #expect(pages.count <= 60 / maxExamined + 5 && pages.allSatisfy { $0.count <= limit })
      if maxExamined == 7, limit == 100 { #expect(pages.count == 9 && pages[1].isEmpty) }
    }
  }

  /// The jobs of the rarer member are searched, so that none is passed over.
  @Test(arguments: [["user", "rare"], ["rare", "user"]])
  func `the member of few jobs is searched`(_ keys: [String]) throws {
    let (_, backend) = try Self.filled()
    let reader = try SQLiteReader(path: backend.path, maxExamined: 10)
    let members = keys.map { Self.member($0, $0 == "user" ? "7" : "x") }
    #expect(try pages(reader, JobFilter(metadata: members), limit: 100) == [["j60", "j40", "j20"]])
  }

  @Test func `one condition needs no bound`() throws {
    let (_, backend) = try Self.filled()
    let reader = try SQLiteReader(path: backend.path, maxExamined: 1)
    #expect(
      try pages(reader, JobFilter(metadata: [Self.member("user", "7")]), limit: 30).map(\.count) == [30, 30])
    let ids = JobFilter(metadata: [Self.member("user", "7")], ids: ["j1", "j2", "none"])
    #expect(try pages(reader, ids, limit: 30) == [["j2", "j1"]])
  }
}
